"""Finds the products that pass a filter, from columns; the rules are those of `data/filters/expression.py`."""

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import numpy as np

from data.columns.blocks import Keys
from data.columns.columns import NO_MOMENT, Columns, Mask, NumberColumn, ValueColumn
from data.filters import COMPARE, AllOf, AnyOf, Comparison, Node, Not, Span, kind_of

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


def node_mask(node: Node, columns: Columns, otherwise: Callable[[Comparison], Keys]) -> Mask:
    """Returns which products pass, bool (size,) by product_key; what it says of keys without a product is undefined.

    Args:
        otherwise: finds the products for a comparison of a fact that has no column.
    """
    match node:
        case Not(part):
            return ~node_mask(part, columns, otherwise)
        case AllOf(parts):
            return reduce(operator.and_, (node_mask(part, columns, otherwise) for part in parts))
        case AnyOf(parts):
            return reduce(operator.or_, (node_mask(part, columns, otherwise) for part in parts))
        case Comparison():
            return _compared(node, columns, otherwise)


def microseconds(moment: str) -> int:
    """Returns a moment, a text of `moment_text`, as microseconds since 1970."""
    return (datetime.fromisoformat(moment) - _EPOCH) // _MICROSECOND


def _compared(node: Comparison, columns: Columns, otherwise: Callable[[Comparison], Keys]) -> Mask:
    column = columns.fields.get(node.field)
    if isinstance(column, NumberColumn):
        parts = (_numbers_pass(node, part) for part in column.numbers.parts)
        return np.concatenate([np.zeros(0, np.bool_), *parts])
    if column is not None:
        return column.having(_chosen(node, column))
    mask = np.zeros(columns.size, np.bool_)
    keys = otherwise(node)
    mask[keys[keys < columns.size]] = True
    return mask


def _numbers_pass(node: Comparison, numbers: Any) -> Mask:
    return reduce(operator.or_, (_number_passes(node.operator, value, numbers) for value in node.values))


def _number_passes(symbol: str, value: Any, numbers: Any) -> Mask:
    if not isinstance(value, Span):
        return np.asarray(COMPARE[symbol](numbers, value))
    first, last = microseconds(value.first), microseconds(value.last)
    if symbol == "=":
        return np.asarray((numbers >= first) & (numbers <= last))
    found = COMPARE[symbol](numbers, first if symbol in ("<", ">=") else last)
    return np.asarray(found & (numbers != NO_MOMENT))


def _chosen(node: Comparison, column: ValueColumn) -> Mask:
    """Returns which of a column's values a comparison holds for, bool (values,)."""
    dictionary = column.dictionary
    chosen = np.zeros(len(dictionary), np.bool_)
    for wanted in node.values:
        if isinstance(wanted, Span):
            continue
        kind = kind_of(wanted)
        if node.operator == "=":
            code = dictionary.code_of.get((kind, wanted))
            if code is not None:
                chosen[code] = True
        elif kind == "number":
            chosen |= COMPARE[node.operator](dictionary.numbers, wanted)
        else:
            compare: Any = COMPARE[node.operator]
            chosen |= np.array([own == kind and compare(value, wanted) for own, value in dictionary.values], np.bool_)
    return chosen
