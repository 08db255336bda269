"""Forms of France's meters: the modes of the customer port (TIC), one and three phases."""

from __future__ import annotations

from .tic import Entry, Register, TicForm

PHASES = (1, 2, 3)
TARIFFS = tuple(Register(f"EASF{n:02d}", f"1.8.{n}", 9) for n in range(1, 11))
QUADRANTS = tuple(Register(f"ERQ{n}", f"{4 + n}.8.0", 9) for n in (1, 2, 3, 4))

PEAK_HOURS: tuple[Entry, ...] = (
    "ADCO\t04186{seed:07d}",
    "OPTARIF\tHC..",
    "ISOUSC\t45",
    Register("HCHC", "1.8.1", 9),
    Register("HCHP", "1.8.2", 9),
    "PTEC\tHP..",
    Register("IINST", "31.7.0", 3),
    "IMAX\t090",
    Register("PAPP", "9.7.0", 5),
    "HHPHC\tA",
    "MOTDETAT\t000000",
)
TEMPO: tuple[Entry, ...] = (
    "ADCO\t04196{seed:07d}",
    "OPTARIF\tBBR(",
    "ISOUSC\t30",
    Register("BBRHCJB", "1.8.1", 9),
    Register("BBRHPJB", "1.8.2", 9),
    Register("BBRHCJW", "1.8.3", 9),
    Register("BBRHPJW", "1.8.4", 9),
    Register("BBRHCJR", "1.8.5", 9),
    Register("BBRHPJR", "1.8.6", 9),
    "PTEC\tHPJB",
    "DEMAIN\tBLEU",
    *(Register(f"IINST{n}", f"{11 + 20 * n}.7.0", 3) for n in PHASES),
    *(f"IMAX{n}\t060" for n in PHASES),
    "PMAX\t08980",
    Register("PAPP", "9.7.0", 5),
    "HHPHC\tY",
    "MOTDETAT\t000000",
    "PPOT\t00",
)
HEAD: tuple[Entry, ...] = (
    "ADSC\t04217{seed:07d}",
    "VTIC\t02",
    "DATE\t{date}\t",
    "NGTF\t  PRODUCTEUR    ",
    "LTARF\t HEURE  CREUSE  ",
    Register("EAST", "1.8.0", 9),
    *TARIFFS,
    *(f"EASD{n:02d}\t000000000" for n in (1, 2, 3, 4)),
)
TAIL: tuple[Entry, ...] = (
    "STGE\t003A4401",
    "MSG1\tPAS DE          MESSAGE         ",
    "PRM\t0123456{seed:07d}",
    "RELAIS\t000",
    "NTARF\t02",
    "NJOURF\t00",
    "NJOURF+1\t00",
    "PJOURF+1\t00008001" + " NONUTILE" * 10,
)
STANDARD: tuple[Entry, ...] = (
    *HEAD,
    Register("IRMS1", "31.7.0", 3),
    Register("URMS1", "32.7.0", 3),
    "PREF\t12",
    "PCOUP\t12",
    Register("SINSTS", "9.7.0", 5),
    "SMAXSN\t{date}\t06240",
    "SMAXSN-1\t{date}\t05960",
    Register("CCASN", "1.5.0", 5, dated=True),
    "CCASN-1\t{date}\t00420",
    "UMOY1\t{date}\t231",
    *TAIL,
)
PRODUCER: tuple[Entry, ...] = (
    *HEAD,
    Register("EAIT", "2.8.0", 9),
    *QUADRANTS,
    *(Register(f"IRMS{n}", f"{11 + 20 * n}.7.0", 3) for n in PHASES),
    *(Register(f"URMS{n}", f"{12 + 20 * n}.7.0", 3) for n in PHASES),
    "PREF\t36",
    "PCOUP\t36",
    Register("SINSTS", "9.7.0", 5),
    *(Register(f"SINSTS{n}", f"{9 + 20 * n}.7.0", 5) for n in PHASES),
    *(f"SMAXSN{n}\t{{date}}\t02240" for n in PHASES),
    Register("SINSTI", "10.7.0", 5),
    "SMAXIN\t{date}\t04600",
    Register("CCASN", "1.5.0", 5, dated=True),
    Register("CCAIN", "2.5.0", 5, dated=True),
    *(f"UMOY{n}\t{{date}}\t232" for n in PHASES),
    *TAIL,
)

HISTORICAL_PORT = {
    "link": "tic",
    "baud": 1200,
    "frame": "7E1",
    "interval": 2,
    "zone": "Europe/Paris",
}
STANDARD_PORT = HISTORICAL_PORT | {"baud": 9600, "standard": True}

FRANCE = (
    TicForm(
        name="linky-historical",
        about="Linky or older, historical TIC mode: one phase, peak and off-peak hours",
        entries=PEAK_HOURS,
        **HISTORICAL_PORT,
    ),
    TicForm(
        name="linky-historical-tempo",
        about="historical TIC mode: three phases, the six registers of Tempo",
        entries=TEMPO,
        **HISTORICAL_PORT,
    ),
    TicForm(
        name="linky-standard",
        about="Linky, standard TIC mode: one phase, ten tariffs, load curve",
        entries=STANDARD,
        **STANDARD_PORT,
    ),
    TicForm(
        name="linky-producer",
        about="Linky, standard TIC mode: three phases, energy exported, quadrants",
        entries=PRODUCER,
        **STANDARD_PORT,
    ),
)
