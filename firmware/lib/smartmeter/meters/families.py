"""The meter families that the core reads, as data: port, line, link, keys. Sorted by country.

For tools, the gateway and the documents; a device's normal path never loads it, because the
Receiver finds all of this by itself. Sources: the interface descriptions of grid operators and
makers, and captured telegrams of these meters.
"""

# What a family's keys are: how its telegrams are encrypted, and what the operator has to give.
NO_KEY = "none"
ENCRYPTION = "encryption key"
BOTH = "encryption key and authentication key"
# Telegrams carry a tag, but not all operators give the key to check it with.
TAGGED = "encryption key; authentication key if you are given one"
# Some operators cipher, others do not.
OPERATOR = "none or an encryption key: the operator decides"

# Physical ports, and what goes between them and a board.
MBUS_RJ12 = "M-Bus, RJ12 pins 3 and 4"
MBUS_RJ45 = "HAN, RJ45 pins 1 and 2 (M-Bus)"
P1 = "P1, RJ12"
IR = "infrared"
CCC = "Kamstrup CCC, 6 pins"
RS485 = "RS485"
MBUS_PAIR = "M-Bus, two wires, no customer port"
TIC = "TIC, terminals I1 and I2"

SLAVE = "M-Bus slave module (TSS721 or NCN5150)"
PULL_UP = "pull-up of 1 to 10 kOhm to 3.3 V; inverted"
HEAD = "optical head"
PUSH_PULL = "direct (push-pull, not inverted)"
TRANSCEIVER = "RS485 transceiver"
MASTER = "M-Bus master (36 V)"
OPTO_COUPLER = "opto-coupler for both directions (SFH620A or LTV-814), 1.2 kOhm in series"

WIRING = {
    MBUS_RJ12: SLAVE,
    MBUS_RJ45: SLAVE,
    P1: PULL_UP,
    IR: HEAD,
    CCC: PUSH_PULL,
    RS485: TRANSCEIVER,
    MBUS_PAIR: MASTER,
    TIC: OPTO_COUPLER,
}

# Lines as search.py has them: baud, bits, parity, stop bits, inverted.
MBUS_LINE = (2400, 8, "E", 1, False)
KAMSTRUP_LINE = (2400, 8, "N", 1, False)
IR_LINE = (9600, 8, "N", 1, False)
AMIS_LINE = (9600, 8, "E", 1, False)
D0_LINE = (9600, 7, "E", 1, False)
KMP_LINE = (1200, 8, "N", 2, False)
SIGN_ON_LINE = (300, 7, "E", 1, False)
TIC_LINE = (9600, 7, "E", 1, False)
TIC_HISTORICAL_LINE = (1200, 7, "E", 1, False)
P1_LINE = (115200, 8, "N", 1, True)
P1_SLOW_LINE = (9600, 8, "N", 1, True)
P1_OLD_LINE = (9600, 7, "E", 1, True)
P1_SEVEN_LINE = (115200, 7, "E", 1, True)

# What a meter must receive before it sends.
LISTEN = ""
ACKNOWLEDGE = "E5 within 0.5 s, to each telegram"
SIGN_ON = "sign-on of IEC 62056-21 at 300 Bd"
POLL = "REQ_UD2 for each telegram"
KMP = "GetRegister of KMP for each telegram"


# The time zone of a country's meters. The clock of a meter may show standard time all year.
ZONES = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "CH": "Europe/Zurich",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IL": "Asia/Jerusalem",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
}


class Family:
    """Meters that share their wiring and protocol.

    id: a name for settings and tests. meters: makers and models; country: its ISO 3166 code;
    operators: who installs them, "" if that is not known or is the whole country.
    port: one of WIRING. line: (baud, bits, parity, stop bits, inverted), None if no document
    says it. link: one of receiver.LINKS. keys: one of the five above. profile: the name in
    profiles.names() that the telegram leads to. interval: between telegrams, in words.
    answer: what the meter wants to hear. note: what else to know, "" for nothing.
    """

    __slots__ = (
        "answer",
        "country",
        "id",
        "interval",
        "keys",
        "line",
        "link",
        "meters",
        "note",
        "operators",
        "port",
        "profile",
    )

    def __init__(
        self,
        id: str,
        meters: str,
        country: str,
        operators: str,
        port: str,
        line: "tuple[int, int, str, int, bool] | None",
        link: str,
        keys: str,
        profile: str,
        interval: str,
        answer: str = LISTEN,
        note: str = "",
    ) -> None:
        self.id = id
        self.meters = meters
        self.country = country
        self.operators = operators
        self.port = port
        self.line = line
        self.link = link
        self.keys = keys
        self.profile = profile
        self.interval = interval
        self.answer = answer
        self.note = note

    @property
    def zone(self) -> str:
        """The time zone of its country, "" where it is of many."""
        return ZONES.get(self.country, "")

    @property
    def wiring(self) -> str:
        wiring = WIRING[self.port]
        return wiring + " that also sends" if self.port == IR and self.answer else wiring


# fmt: off
FAMILIES = (
    Family("at-ksm-west", "Kaifa MA110M, MA309M; Honeywell", "AT",
           "TINETZ, IKB, Salzburg, Vorarlberg, E-Werke Reutte",
           MBUS_RJ12, MBUS_LINE, "mbus", ENCRYPTION, "kaifa", "5 s"),
    Family("at-netz-noe-kaifa", "Kaifa M110, MA309", "AT", "Netz Niederoesterreich",
           MBUS_RJ12, MBUS_LINE, "mbus", ENCRYPTION, "kaifa", "5 s"),
    Family("at-netz-noe-sagemcom", "Sagemcom T210-D, S210", "AT", "Netz Niederoesterreich",
           MBUS_RJ12, MBUS_LINE, "mbus", ENCRYPTION, "sagemcom", "5 s",
           note="also old firmware, which gives a frame's length modulo 256"),
    Family("at-amis", "Siemens TD-3510, TD-3511, TD-3512 (AMIS)", "AT", "Netz Oberoesterreich",
           IR, AMIS_LINE, "mbus", ENCRYPTION, "unknown", "1 s", ACKNOWLEDGE,
           "the terminal cover must be closed"),
    Family("at-wiener-netze-landis-gyr", "Landis+Gyr E450", "AT", "Wiener Netze",
           IR, IR_LINE, "hdlc", ENCRYPTION, "landis-gyr", "1 s"),
    Family("at-wiener-netze-siemens", "Siemens IM150, IM350, IM351", "AT", "Wiener Netze",
           IR, IR_LINE, "hdlc", ENCRYPTION, "siemens", "1 s"),
    Family("at-wiener-netze-iskraemeco", "Iskraemeco AM550", "AT", "Wiener Netze",
           IR, IR_LINE, "hdlc", ENCRYPTION, "iskraemeco", "1 s"),
    Family("at-kaernten-siemens", "Siemens IM150, IM350", "AT", "KNG Kaernten (KELAG)",
           P1, P1_LINE, "hdlc", ENCRYPTION, "siemens", "1 to 10 s",
           note="DLMS on a P1 port"),
    Family("at-kaernten-iskraemeco", "Iskraemeco AM550", "AT", "KNG Kaernten (KELAG)",
           P1, P1_LINE, "hdlc", ENCRYPTION, "iskraemeco", "1 to 10 s",
           note="DLMS on a P1 port"),
    Family("at-burgenland", "Landis+Gyr E450", "AT", "Netz Burgenland",
           MBUS_RJ12, MBUS_LINE, "hdlc", BOTH, "landis-gyr", "5 s"),
    Family("at-steiermark-sagemcom", "Sagemcom T210-D, T210-D-r, S210", "AT",
           "Energienetze Steiermark, Stromnetz Graz, Feistritzwerke",
           P1, P1_LINE, "apdu", TAGGED, "unknown", "5 to 10 s",
           note="the published authentication key does not fit all of them"),
    Family("at-steiermark-landis-gyr", "Landis+Gyr E450", "AT",
           "Energienetze Steiermark, Stromnetz Graz, Feistritzwerke",
           MBUS_RJ12, MBUS_LINE, "hdlc", TAGGED, "landis-gyr", "5 to 10 s"),
    Family("at-klagenfurt", "Landis+Gyr E450, E451", "AT", "Stadtwerke Klagenfurt",
           MBUS_RJ12, MBUS_LINE, "hdlc", OPERATOR, "landis-gyr", ""),

    Family("be-emucs", "all with eMUCS-P1", "BE", "Fluvius and others",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "1 s"),

    Family("ch-landis-gyr-e450", "Landis+Gyr E450", "CH",
           "EKZ, RWB Baden, Romande Energie, BKW, EWK",
           MBUS_RJ12, MBUS_LINE, "hdlc", TAGGED, "landis-gyr", "5 s, 60 s and 15 min",
           note="some operators send unencrypted"),
    Family("ch-landis-gyr-e360", "Landis+Gyr E360", "CH", "",
           P1, P1_SLOW_LINE, "hdlc", OPERATOR, "landis-gyr", "5 s",
           note="DLMS on a P1 port"),
    Family("ch-landis-gyr-e570", "Landis+Gyr E570 (current transformers)", "CH", "",
           MBUS_RJ12, MBUS_LINE, "hdlc", OPERATOR, "landis-gyr", "5 s"),
    Family("ch-iskraemeco-am550", "Iskraemeco AM550", "CH", "",
           P1, P1_LINE, "hdlc", OPERATOR, "iskraemeco", "5 s",
           note="DLMS on a P1 port"),
    Family("ch-kamstrup", "Kamstrup with the HAN-NVE list", "CH", "CKW",
           MBUS_RJ45, KAMSTRUP_LINE, "hdlc", OPERATOR, "kamstrup", "10 s"),
    Family("ch-siemens-td3511", "Siemens TD-3511", "CH", "IBW",
           IR, SIGN_ON_LINE, "iec62056", NO_KEY, "unknown", "on request", SIGN_ON,
           "changes to 19200 Bd after the sign-on; uses programming mode if it gives no readout"),

    Family("cy-landis-gyr", "Landis+Gyr E450", "CY", "",
           MBUS_RJ12, MBUS_LINE, "hdlc", NO_KEY, "landis-gyr", "10 s",
           note="as users report"),

    Family("cz-egd", "Sagemcom XT211 and others", "CZ", "EG.D",
           RS485, None, "apdu", NO_KEY, "unknown", ""),
    Family("cz-pre", "ZPA AM375", "CZ", "PRE Distribuce",
           RS485, None, "apdu", NO_KEY, "unknown", ""),

    Family("de-sml", "EMH, EasyMeter, Iskraemeco, eBZ, Itron, Dr. Neuhaus and others with SML",
           "DE", "",
           IR, IR_LINE, "sml", NO_KEY, "unknown", "1 to 4 s",
           note="enter the PIN for power and decimals; otherwise only totals"),
    Family("de-sml-holley", "Holley DTZ541", "DE", "",
           IR, IR_LINE, "sml", NO_KEY, "unknown", "1 to 4 s",
           note="another CRC"),
    Family("de-sml-dzg", "DZG DVS74, DWSB", "DE", "",
           IR, IR_LINE, "sml", NO_KEY, "unknown", "1 to 4 s",
           note="the sign of power is corrected for some serial numbers"),
    Family("de-d0-push", "EasyMeter Q3D and others that push (mode D)", "DE", "",
           IR, D0_LINE, "p1", NO_KEY, "unknown", "2 s"),
    Family("de-d0-sign-on", "Landis+Gyr ZMD120 and others that send on request (mode A, B or C)",
           "DE", "",
           IR, SIGN_ON_LINE, "iec62056", NO_KEY, "unknown", "on request", SIGN_ON,
           "a meter on batteries allows few readouts a day"),

    Family("dk-kamstrup", "Kamstrup Omnipower", "DK", "",
           CCC, KAMSTRUP_LINE, "hdlc", BOTH, "kamstrup", "10 s",
           note="GPK60 is the encryption key, GPK61 the authentication key"),
    Family("dk-p1", "Kamstrup Omnia, NES", "DK", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s"),

    Family("ee-p1", "Sagemcom with P1", "EE", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s",
           note="as users report"),

    Family("fi-kamstrup", "Kamstrup Omnipower", "FI", "",
           MBUS_RJ45, KAMSTRUP_LINE, "hdlc", NO_KEY, "kamstrup", "10 s",
           note="as users report; its clock shows standard time all year"),
    Family("fi-p1", "all with P1", "FI", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s",
           note="as users report; its clock shows standard time all year"),

    Family("fr-linky", "Linky in standard mode", "FR", "Enedis and others",
           TIC, TIC_LINE, "tic", NO_KEY, "unknown", "1 to 2 s",
           note="power is apparent: add 9.7.0 (VA) to the values; 1.5.0 is the average in W"),
    Family("fr-historical", "Linky in historical mode, and the electronic meters before it", "FR",
           "Enedis and others",
           TIC, TIC_HISTORICAL_LINE, "tic", NO_KEY, "unknown", "1 to 2 s",
           note="power is apparent: add 9.7.0 (VA) to the values; no clock"),

    Family("hr-iskraemeco-ie5", "Iskraemeco IE.5", "HR", "",
           P1, P1_LINE, "hdlc", NO_KEY, "iskraemeco", "10 s",
           note="DLMS on a P1 port"),

    Family("hu-eon", "all with P1", "HU", "E.ON",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s"),

    Family("il-kaifa", "Kaifa with P1", "IL", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s",
           note="as users report; the total is that of tariffs 11 to 13"),

    Family("lt-eso", "all with P1", "LT", "ESO",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s"),

    Family("lu-smarty", "Sagemcom Smarty", "LU", "Creos and others",
           P1, P1_LINE, "apdu", TAGGED, "unknown", "10 s",
           note="the authentication key of the P1 specification does not fit all of them"),

    Family("nl-dsmr-2", "all with DSMR 2.2 and 3.0", "NL", "",
           P1, P1_OLD_LINE, "p1", NO_KEY, "unknown", "10 s"),
    Family("nl-dsmr-4", "all with DSMR 4", "NL", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s"),
    Family("nl-dsmr-5", "all with DSMR 5 and ESMR", "NL", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "1 s"),

    Family("no-aidon", "Aidon 6534 and others", "NO", "",
           MBUS_RJ45, MBUS_LINE, "hdlc", NO_KEY, "aidon", "2.5 s, 10 s and hourly"),
    Family("no-kaifa", "Kaifa MA304", "NO", "",
           MBUS_RJ45, MBUS_LINE, "hdlc", NO_KEY, "kaifa", "2 s, 10 s and hourly"),
    Family("no-kamstrup", "Kamstrup Omnipower", "NO", "",
           MBUS_RJ45, KAMSTRUP_LINE, "hdlc", NO_KEY, "kamstrup-no", "10 s and hourly"),
    Family("no-landis-gyr", "Landis+Gyr E350 (EMBRIQ)", "NO", "",
           MBUS_RJ45, MBUS_LINE, "hdlc", NO_KEY, "landis-gyr-no", "2.5 s, 10 s and hourly"),

    Family("pl-stoen", "Elgama GAMA 150, GAMA 350; Kaifa MA110M, MA309M", "PL", "Stoen",
           P1, P1_LINE, "p1", BOTH, "unknown", "10 s",
           note="telegrams repeat one counter: old and new ones look alike"),

    Family("se-h1", "all with the P1 port of the industry's rule (H1)", "SE", "",
           P1, P1_LINE, "p1", NO_KEY, "unknown", "10 s"),
    Family("se-aidon", "Aidon", "SE", "",
           MBUS_RJ45, MBUS_LINE, "hdlc", NO_KEY, "aidon", "10 s"),
    Family("se-kaifa", "Kaifa MA304H4", "SE", "",
           MBUS_RJ45, MBUS_LINE, "hdlc", NO_KEY, "kaifa", "10 s"),
    Family("se-kamstrup", "Kamstrup Omnipower", "SE", "",
           MBUS_RJ45, KAMSTRUP_LINE, "hdlc", NO_KEY, "kamstrup", "10 s and hourly"),

    Family("si-iskraemeco", "Iskraemeco AM550", "SI", "",
           P1, P1_LINE, "hdlc", NO_KEY, "iskraemeco", "5 s and 15 min",
           note="DLMS on a P1 port; some at 38400 Bd"),
    Family("si-landis-gyr", "Landis+Gyr E450", "SI", "",
           MBUS_RJ12, KAMSTRUP_LINE, "hdlc", NO_KEY, "landis-gyr", "2 s",
           note="as users report"),
    Family("si-iskraemeco-text", "Iskraemeco AM550 that sends text", "SI", "",
           P1, P1_SEVEN_LINE, "p1", NO_KEY, "unknown", "10 s",
           note="no CRC"),

    Family("mbus-polled", "electricity meters with an M-Bus interface (EN 13757-3)", "", "",
           MBUS_PAIR, MBUS_LINE, "mbus", NO_KEY, "unknown", "on request", POLL,
           'Concentrator: poll = "m-bus"; adapter: answer = "mbus"'),
    Family("mbus-polled-media", "heat, cooling, gas and water meters with an M-Bus interface",
           "", "", MBUS_PAIR, MBUS_LINE, "mbus", NO_KEY, "unknown", "on request", POLL,
           "as above; name the values to publish, such as 6-0:1.0.0"),
    Family("heat-sign-on", "heat meters with a readout of IEC 62056-21, such as Kamstrup MC 66",
           "", "", IR, SIGN_ON_LINE, "iec62056", NO_KEY, "unknown", "on request", SIGN_ON,
           "runs on a battery: set an interval of an hour; name the values, such as 6-0:6.8.0"),
    Family("heat-kamstrup", "Kamstrup MULTICAL heat meters (302, 402, 403, 601 to 603, 803)",
           "", "", IR, KMP_LINE, "kmp", NO_KEY, "unknown", "on request", KMP,
           'runs on a battery: set an interval of an hour; Concentrator only: poll = "kmp"'),
)
# fmt: on

# Known, and not read: (meters, country, operators, why).
NOT_READ = (
    (
        "NES generation 3 and 4",
        "AT",
        "Linz Netz, Stadtwerke Klagenfurt",
        "MEP uses ANSI C12.19 and its own sign-on. Generation 4 is wireless M-Bus",
    ),
    ("Apator and others by radio", "PL", "Tauron, Energa", "wireless M-Bus"),
    (
        "EDP Box with RS485 (HAN)",
        "PT",
        "E-REDES",
        "Modbus RTU. An answer means something only beside its request, and only the registers "
        "of one phase are certain",
    ),
    (
        "Eastron SDM220, SDM630: all but energies",
        "",
        "M-Bus",
        "they need a request of their own (CI B1). No source says which record is of which phase",
    ),
)
