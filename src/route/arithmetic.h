/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums that a text states, done again: "3 * $4.50 = $13.50" is right, "7 + 8 = 16" is not. An
 * expression is what stands before an equals sign and consists of numbers, + - * / and their
 * printed forms, brackets, dollar signs, percent signs and commas between digits; it has at least
 * one operator. The result may be rounded as it is written. Pure; no allocation; linear in the text
 * (an expression is at most ARITHMETIC_EXPRESSION_MAX bytes long).
 */
#ifndef SLUICE_ROUTE_ARITHMETIC_H
#define SLUICE_ROUTE_ARITHMETIC_H

#include "base/slice.h"

#define ARITHMETIC_EXPRESSION_MAX ((size_t)160)

struct arithmetic {
    uint32_t right;
    uint32_t wrong;
    bool has_result; /* of the last sum that is right or wrong, as the text states it */
    double result;
    bool has_final; /* the last number of the text */
    double final_number;
};

void arithmetic_check(struct slice text, struct arithmetic *ret_arithmetic);

#endif
