import assert from "node:assert/strict";
import { test } from "node:test";

import { cell, csv } from "./csv.ts";

test("a cell that a spreadsheet would take for a formula is made text", () => {
  for (const text of ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "-2-3"]) {
    assert.equal(cell(text).replace(/^"/, "").startsWith("'"), true, JSON.stringify(text));
  }
});

test("an amount below zero stays a number, so that it can be summed", () => {
  assert.equal(cell("-0.0018225"), "-0.0018225");
});

test("quotes, commas and line ends stay in their cell", () => {
  assert.equal(cell('a "b", c'), '"a ""b"", c"');
  assert.equal(csv(["a", "b"], [["1\n2", "=x"]]), "a,b\r\n\"1\n2\",'=x\r\n");
});
