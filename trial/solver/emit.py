"""LLVM vector code for arithmetic and for expression graphs: one lane of a vector is one patient.

No fast-math flag is ever set and every fused multiply-add is written out, so a lane's result is fixed by IEEE 754: it
depends neither on the other lanes, nor on their number, nor on what the optimiser does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from trial.solver.graph import Level, Node

DOUBLE, INT64, INT32, INT8, BIT = ir.DoubleType(), ir.IntType(64), ir.IntType(32), ir.IntType(8), ir.IntType(1)
POINTER = ir.PointerType()
MANTISSA_BITS, EXPONENT_BIAS = 52, 1023
ROUND_TO_INTEGER = 1.5 * 2.0**MANTISSA_BITS
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
Value = Any


class Vector:
    """Arithmetic on vectors of ``lanes`` doubles at the builder's position."""

    def __init__(self, builder: ir.IRBuilder, lanes: int) -> None:
        self.b, self.lanes = builder, lanes
        self.type = ir.VectorType(DOUBLE, lanes)
        self.int_type = ir.VectorType(INT64, lanes)

    def constant(self, value: float) -> Value:
        """The same number in every lane."""
        return ir.Constant(self.type, [float(value)] * self.lanes)

    def integer(self, value: int) -> Value:
        """The same integer in every lane."""
        return ir.Constant(self.int_type, [value] * self.lanes)

    def broadcast(self, scalar: Value) -> Value:
        """A scalar register in every lane."""
        one = self.b.insert_element(ir.Constant(self.type, ir.Undefined), scalar, ir.Constant(INT32, 0))
        mask = ir.Constant(ir.VectorType(INT32, self.lanes), [0] * self.lanes)
        return self.b.shuffle_vector(one, ir.Constant(self.type, ir.Undefined), mask)

    def intrinsic(self, name: str, *args: Value) -> Value:
        """A call of the LLVM intrinsic of that name on vectors."""
        full, module = f"llvm.{name}.v{self.lanes}f64", self.b.module
        known = module.globals.get(full)
        function = known or ir.Function(module, ir.FunctionType(self.type, [self.type] * len(args)), full)
        return self.b.call(function, args)

    def add(self, a: Value, b: Value) -> Value:
        """a + b"""
        return self.b.fadd(a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """a - b"""
        return self.b.fsub(a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """a b"""
        return self.b.fmul(a, b)

    def div(self, a: Value, b: Value) -> Value:
        """a / b"""
        return self.b.fdiv(a, b)

    def neg(self, a: Value) -> Value:
        """-a"""
        return self.b.fneg(a)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a b + c, rounded once"""
        return self.intrinsic("fma", a, b, c)

    def abs(self, a: Value) -> Value:
        """|a|"""
        return self.intrinsic("fabs", a)

    def sqrt(self, a: Value) -> Value:
        """Square root, correctly rounded."""
        return self.intrinsic("sqrt", a)

    def compare(self, how: str, a: Value, b: Value) -> Value:
        """A bit per lane; false where a or b is not a number."""
        return self.b.fcmp_ordered(how, a, b)

    def select(self, mask: Value, a: Value, b: Value) -> Value:
        """a where the bit is set, else b."""
        return self.b.select(mask, a, b)

    def maximum(self, a: Value, b: Value) -> Value:
        """The larger; b where one is not a number."""
        return self.select(self.compare(">", a, b), a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        """The smaller; b where one is not a number."""
        return self.select(self.compare("<", a, b), a, b)

    def max(self, a: Value, b: Value) -> Value:
        """The larger; not a number where one is not, as numpy.maximum."""
        return self.intrinsic("maximum", a, b)

    def min(self, a: Value, b: Value) -> Value:
        """The smaller; not a number where one is not, as numpy.minimum."""
        return self.intrinsic("minimum", a, b)

    def pick(self, a: Value, b: Value, c: Value, d: Value) -> Value:
        """c where a < b, else d."""
        return self.select(self.compare("<", a, b), c, d)

    def weighted_sum(self, weights: Sequence[float], terms: Sequence[Value]) -> Value:
        """Sum of weight times term, left to right."""
        pairs = [(w, t) for w, t in zip(weights, terms, strict=False) if w != 0.0]
        total = self.mul(pairs[0][1], self.constant(pairs[0][0]))
        for weight, term in pairs[1:]:
            total = self.fma(term, self.constant(weight), total)
        return total

    def polynomial(self, x: Value, coefficients: Sequence[float]) -> Value:
        """Horner's rule, highest coefficient first."""
        total = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            total = self.fma(total, x, self.constant(coefficient))
        return total

    def exp(self, x: Value) -> Value:
        """e^x to about 1 unit in the last place: x = k ln 2 + r, a polynomial in r, scaled by 2^k in two halves."""
        x = self.maximum(self.constant(-750.0), self.minimum(self.constant(750.0), x))
        shifted = self.fma(x, self.constant(1.0 / math.log(2.0)), self.constant(ROUND_TO_INTEGER))
        k = self.sub(shifted, self.constant(ROUND_TO_INTEGER))
        r = self.fma(k, self.constant(-LN2_LOW), self.fma(k, self.constant(-LN2_HIGH), x))
        value = self.polynomial(r, [1.0 / math.factorial(n) for n in range(13, -1, -1)])
        zero = self.b.bitcast(self.constant(ROUND_TO_INTEGER), self.int_type)
        whole = self.b.sub(self.b.bitcast(shifted, self.int_type), zero)
        half = self.b.ashr(whole, self.integer(1))
        return self.mul(self.mul(value, self.power_of_two(half)), self.power_of_two(self.b.sub(whole, half)))

    def power_of_two(self, k: Value) -> Value:
        """2^k for integers k in the normal range."""
        biased = self.b.add(k, self.integer(EXPONENT_BIAS))
        return self.b.bitcast(self.b.shl(biased, self.integer(MANTISSA_BITS)), self.type)

    def log(self, x: Value) -> Value:
        """ln x to about 1 unit in the last place; -inf at 0, not a number below."""
        tiny = self.compare("<", x, self.constant(2.0**-1022))
        scaled = self.select(tiny, self.mul(x, self.constant(2.0**54)), x)
        exponent, m = self.split(scaled)
        exponent = self.select(tiny, self.sub(exponent, self.constant(54.0)), exponent)
        s = self.div(self.sub(m, self.constant(1.0)), self.add(m, self.constant(1.0)))
        tail = self.mul(s, self.polynomial(self.mul(s, s), [2.0 / k for k in range(21, 0, -2)]))
        value = self.fma(exponent, self.constant(LN2_HIGH), self.fma(exponent, self.constant(LN2_LOW), tail))
        value = self.select(self.compare("<", x, self.constant(math.inf)), value, x)
        value = self.select(self.compare("==", x, self.constant(0.0)), self.constant(-math.inf), value)
        return self.select(self.compare("<", x, self.constant(0.0)), self.constant(math.nan), value)

    def split(self, x: Value) -> tuple[Value, Value]:
        """Exponent and mantissa of normal x > 0, the mantissa between sqrt(1/2) and sqrt(2)."""
        bits = self.b.bitcast(x, self.int_type)
        raw = self.b.lshr(bits, self.integer(MANTISSA_BITS))
        fraction = self.b.and_(bits, self.integer((1 << MANTISSA_BITS) - 1))
        m = self.b.bitcast(self.b.or_(fraction, self.integer(EXPONENT_BIAS << MANTISSA_BITS)), self.type)
        offset = 2.0**MANTISSA_BITS
        as_double = self.b.bitcast(self.b.or_(raw, self.b.bitcast(self.constant(offset), self.int_type)), self.type)
        exponent = self.sub(as_double, self.constant(offset + EXPONENT_BIAS))
        large = self.compare(">", m, self.constant(math.sqrt(2.0)))
        m = self.select(large, self.mul(m, self.constant(0.5)), m)
        return self.select(large, self.add(exponent, self.constant(1.0)), exponent), m

    def rough_log2(self, x: Value) -> Value:
        """log2 of normal x > 0 to 0.01, for choosing steps."""
        exponent, m = self.split(x)
        d = self.sub(m, self.constant(1.0))
        slope = self.polynomial(d, [c / math.log(2.0) for c in (-1 / 4, 1 / 3, -1 / 2, 1.0)])
        return self.fma(d, slope, exponent)

    def rough_exp2(self, x: Value) -> Value:
        """2^x to 0.3 %, for choosing steps; x is taken as at least -1000 and at most 1000."""
        x = self.maximum(self.minimum(x, self.constant(1000.0)), self.constant(-1000.0))
        whole = self.intrinsic("floor", x)
        value = self.polynomial(self.sub(x, whole), [0.3435, 0.6565, 1.0])
        return self.mul(value, self.power_of_two(self.b.fptosi(whole, self.int_type)))

    def power(self, x: Value, y: Value) -> Value:
        """x^y for x >= 0 as exp(y ln x); 1 for y = 0."""
        value = self.exp(self.mul(y, self.log(x)))
        return self.select(self.compare("==", y, self.constant(0.0)), self.constant(1.0), value)


def single_use_products(nodes: Sequence[Node], roots: Sequence[Node]) -> set[Node]:
    """Products read exactly once, by an addition or subtraction: they become part of a fused multiply-add."""
    uses: dict[Node, int] = {}
    for node in nodes:
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
    for root in roots:
        uses[root] = uses.get(root, 0) + 1
    fused: set[Node] = set()
    for node in nodes:
        if node.op in ("add", "sub") and node.level == Level.STATE:
            products = [a for a in node.args if a.op == "mul" and a.level == Level.STATE and uses[a] == 1]
            fused.update(products[-1:])
    return fused


def evaluate(v: Vector, nodes: Sequence[Node], values: dict[Node, Value], fused: set[Node]) -> dict[Node, Value]:
    """Code for every node not yet in ``values``; returns them all. Nodes come arguments first."""
    values = dict(values)
    for node in nodes:
        if node in values or node in fused:
            continue
        if node.op == "const":
            values[node] = v.constant(node.value)
        elif node.op in ("add", "sub") and any(a in fused for a in node.args):
            values[node] = fused_sum(v, node, values, fused)
        else:
            values[node] = getattr(v, node.op)(*(values[a] for a in node.args))
    return values


def fused_sum(v: Vector, node: Node, values: dict[Node, Value], fused: set[Node]) -> Value:
    """a b + c, c - a b or a b - c as one operation."""
    a, b = node.args
    product, other = (b, a) if b in fused else (a, b)
    x, y = (values[factor] for factor in product.args)
    rest = values[other]
    if node.op == "sub":
        x, rest = (v.neg(x), rest) if product is b else (x, v.neg(rest))
    return v.fma(x, y, rest)
