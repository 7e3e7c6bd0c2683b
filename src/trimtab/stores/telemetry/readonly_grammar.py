"""What a SELECT of a user may be made of. Whatever is not named here is refused.

SQLGlot reads a statement into a tree. Most nodes have a class of their own; functions it has no
class for are `Anonymous` and known by their names in DuckDB. Left out on purpose is all that
reaches files, settings or the catalogue, waits, or makes much out of little (`range`, `repeat`,
`lpad`, lists built from rows): one call of those cannot be interrupted.
"""

from __future__ import annotations

_CLAUSES = """
    Select Union Except Intersect Subquery With CTE From Join Table TableAlias Lateral Values
    Where Group Having Order Ordered Limit Offset Fetch LimitOptions Qualify Distinct Tuple Rollup
    Cube GroupingSets Window WindowSpec Filter WithinGroup IgnoreNulls RespectNulls Unnest Explode
    """
_TERMS = """
    Alias Aliases Column Identifier Star Columns Literal Null Boolean Var Paren Array Bracket Slice
    Case If Cast TryCast DataType DataTypeParam Interval AtTimeZone Collate Extract
    JSONPath JSONPathRoot JSONPathKey JSONPathSubscript
    """
_OPERATORS = """
    Add Sub Mul Div IntDiv Mod Neg Pow DPipe And Or Not EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ
    Is In Between Like ILike SimilarTo Glob Escape RegexpLike RegexpILike Exists Any All
    BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitwiseLeftShift BitwiseRightShift
    JSONExtract JSONExtractScalar ArrayContainsAll ArrayOverlaps
    """
_AGGREGATES = """
    AnyValue ApproxDistinct ApproxQuantile ArgMax ArgMin Avg BitwiseAndAgg BitwiseOrAgg
    BitwiseXorAgg Corr Count CountIf CovarPop CovarSamp First GroupConcat Kurtosis Last LogicalAnd
    LogicalOr Max Median Min Mode PercentileCont PercentileDisc Quantile RegrCount RegrIntercept
    RegrR2 RegrSlope Skewness Stddev StddevPop StddevSamp Sum Variance VariancePop
    CumeDist DenseRank FirstValue Lag LastValue Lead NthValue Ntile PercentRank Rank RowNumber
    """
_NUMBERS = """
    Abs Acos Asin Atan Atan2 Cbrt Ceil Cos Degrees Exp Floor Greatest IsInf IsNan Least Ln Log Pi
    Radians Rand Round Sign Sin Sqrt Tan Trunc
    """
_TEXTS = """
    Ascii Chr Coalesce Concat ConcatWs Contains EndsWith Left Length Lower MD5 Nullif RegexpExtract
    RegexpFullMatch RegexpReplace Replace Reverse Right SHA SHA2 Split SplitPart StartsWith
    StrPosition Substring Translate Trim Typeof Unicode Upper
    """
_TIMES = """
    CurrentDate CurrentTime CurrentTimestamp DateAdd DateBin DateDiff DateFromParts DateSub
    DateTrunc Day DayOfMonth DayOfWeek DayOfWeekIso DayOfYear Dayname Hour LastDay Minute Month
    Monthname Quarter Second StrToTime TimeFromParts TimeToStr TimeToUnix TimestampFromParts
    TimestampTrunc ToDays UnixToTime Week WeekOfYear Year
    """
_LISTS = """
    ArrayContains ArrayDistinct ArrayMax ArrayMin ArraySize ArraySort ArrayToString JSONKeys
    JSONType ParseJSON
    """

NODES = frozenset(
    " ".join((_CLAUSES, _TERMS, _OPERATORS, _AGGREGATES, _NUMBERS, _TEXTS, _TIMES, _LISTS)).split()
) | {"Anonymous"}

FUNCTIONS = frozenset(
    [
        "add",
        "arbitrary",
        "bit_count",
        "count_star",
        "divide",
        "entropy",
        "even",
        "favg",
        "fdiv",
        "fmod",
        "fsum",
        "gcd",
        "geomean",
        "hash",
        "isfinite",
        "kahan_sum",
        "lcm",
        "mad",
        "mean",
        "multiply",
        "product",
        "round_even",
        "sem",
        "subtract",
        "weighted_avg",
        "age",
        "century",
        "date_part",
        "date_sub",
        "datepart",
        "datesub",
        "decade",
        "epoch_ns",
        "epoch_us",
        "isoyear",
        "julian",
        "make_timestamp_ms",
        "make_timestamp_ns",
        "microsecond",
        "millisecond",
        "now",
        "timezone",
        "to_hours",
        "to_microseconds",
        "to_milliseconds",
        "to_minutes",
        "to_months",
        "to_seconds",
        "to_weeks",
        "to_years",
        "try_strptime",
        "weekday",
        "yearweek",
        "bit_length",
        "format_bytes",
        "octet_length",
        "ord",
        "prefix",
        "strlen",
        "suffix",
        "array_extract",
        "list_any_value",
        "list_count",
        "list_extract",
        "list_first",
        "list_has_all",
        "list_last",
        "list_position",
        "list_sort",
        "json_array_length",
        "json_contains",
        "json_exists",
        "json_valid",
        "json_value",
    ]
)

# Casting to a list of a fixed size makes as many cells out of one.
TYPES = frozenset(
    [
        "ARRAY",
        "BIGDECIMAL",
        "BIGINT",
        "BOOLEAN",
        "CHAR",
        "DATE",
        "DECIMAL",
        "DOUBLE",
        "FLOAT",
        "INT",
        "INT128",
        "INTERVAL",
        "JSON",
        "LIST",
        "SMALLINT",
        "TEXT",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "TIMESTAMP_S",
        "TIMETZ",
        "TINYINT",
        "UBIGINT",
        "UINT",
        "UINT128",
        "USMALLINT",
        "UTINYINT",
        "UUID",
        "VARCHAR",
    ]
)
