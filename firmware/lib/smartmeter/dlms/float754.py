"""IEEE 754 numbers as decimal (mantissa, exponent), without the platform's own floats."""

from ..fault import VALUE, Rejected

# 2^-64 to 2^64 hold any amount a meter can mean; and 10^n stays small.
_POWER_MAX = 64


def decimal_of(bits: int, exponent_size: int, fraction_size: int, digits: int) -> tuple[int, int]:
    """(mantissa, exponent) of a number's bits, rounded half up to so many digits."""
    fraction = bits & (1 << fraction_size) - 1
    power = bits >> fraction_size & (1 << exponent_size) - 1
    if not power and not fraction:
        return 0, 0
    bias = (1 << exponent_size - 1) - 1
    power -= bias
    if not -_POWER_MAX <= power <= _POWER_MAX:
        raise Rejected(VALUE, "a floating-point value is out of range")
    mantissa = fraction | 1 << fraction_size
    power -= fraction_size
    exponent = 0
    if power >= 0:
        mantissa <<= power
    else:  # m / 2^n is m * 5^n / 10^n
        mantissa *= 5**-power
        exponent = power
    excess = len(str(mantissa)) - digits
    if excess > 0:
        unit = 10**excess
        mantissa = (mantissa + unit // 2) // unit
        exponent += excess
    while mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    if bits >> fraction_size + exponent_size:
        mantissa = -mantissa
    return mantissa, exponent
