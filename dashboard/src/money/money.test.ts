import assert from "node:assert/strict";
import { test } from "node:test";

import { exact, parse, perMillion, perToken, pico, positive, rounded, sum, toDecimal } from "./money.ts";

test("every digit of an amount is kept, also those that a float would lose", () => {
  for (const text of ["0", "0.000000000001", "-12345678901234.123456789012", "9007199254740993", "0.1"]) {
    assert.equal(toDecimal(pico(text)), text);
  }
  assert.equal(toDecimal(sum(["0.1", "0.2", "-0.3"])), "0");
});

test("what is no decimal of twelve places at most is no amount", () => {
  for (const text of ["", "1e3", "1,000", "0.0000000000001", "NaN", "--1", "0x10", "1.2.3", "Infinity"]) {
    assert.equal(parse(text), null, text);
  }
  assert.equal(positive("0"), null);
  assert.equal(positive("-1"), null);
  assert.equal(positive("10"), 10_000_000_000_000n);
});

test("people read groups of three, a real minus, and at least two places", () => {
  assert.equal(exact("-1234567.5"), "−1,234,567.50");
  assert.equal(exact("0.0018225"), "0.0018225");
  assert.equal(exact("999"), "999.00");
});

test("rounding is half away from zero, and what is not zero never looks like it", () => {
  assert.equal(rounded("0.125"), "0.13");
  assert.equal(rounded("-0.125"), "−0.13");
  assert.equal(rounded("0.0000001"), "<0.01");
  assert.equal(rounded("-0.0000001"), "−<0.01");
  assert.equal(rounded("999.999"), "1,000.00");
  assert.equal(rounded("0"), "0.00");
  assert.equal(rounded("1234.5", 0), "1,235");
});

test("prices per million and per token are the same price", () => {
  assert.equal(perMillion("0.0000025"), "2.50");
  assert.equal(perToken("2.50"), "0.0000025");
  assert.equal(perToken("0.0000001"), null, "finer than a price may be");
  assert.equal(perToken("-1"), null);
});
