/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions are found backwards from an equals sign and evaluated forwards with two stacks, one
 * of values and one of operators, so that depth costs no recursion.
 */
#include "route/arithmetic.h"

#include <math.h>

#define STACK_MAX 24
#define NEARLY 1e-9
#define DIGITS_MAX 15

struct evaluation {
    double values[STACK_MAX];
    char operators[STACK_MAX];
    size_t value_count;
    size_t operator_count;
    size_t done; /* operators applied */
    bool failed;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- numbers --- */

/* "1,234.50" at the beginning of the text; returns its length, 0: there is none. *ret_places:
 * digits behind the point. */
static size_t read_number(struct slice text, double *ret_value, unsigned *ret_places)
{
    double value = 0;
    bool point = false;
    unsigned digits = 0;
    size_t i = 0;
    *ret_places = 0;
    for (; i < text.len && digits <= DIGITS_MAX; i++) {
        char c = text.ptr[i];
        bool digit_follows = i + 1 < text.len && is_digit(text.ptr[i + 1]);
        if (is_digit(c)) {
            digits++;
            value = value * 10 + (c - '0');
            *ret_places += point;
        } else if (c == '.' && digit_follows && !point) {
            point = true;
        } else if (c != ',' || !digit_follows || digits == 0 || point) {
            break;
        }
    }
    *ret_value = value / pow(10, *ret_places);
    return digits == 0 || digits > DIGITS_MAX ? 0 : i;
}

/* --- expressions --- */

static int rank(char operator)
{
    return operator== '(' ? 0 : operator== '+' || operator== '-' ? 1 : 2;
}

static void apply(struct evaluation *e)
{
    if (e->operator_count == 0 || e->value_count < 2) {
        e->failed = true;
        return;
    }
    char operator= e->operators[--e->operator_count];
    double right = e->values[--e->value_count];
    double *left = &e->values[e->value_count - 1];
    e->done++;
    switch (operator) {
    case '+':
        *left += right;
        break;
    case '-':
        *left -= right;
        break;
    case '*':
        *left *= right;
        break;
    case '/':
        e->failed = e->failed || right == 0;
        *left = right == 0 ? 0 : *left / right;
        break;
    default:
        e->failed = true;
    }
}

static void push_operator(struct evaluation *e, char operator)
{
    while (operator!= '(' && e->operator_count> 0 && !e->failed &&
           rank(e->operators[e->operator_count - 1]) >= rank(operator)) {
        apply(e);
    }
    if (e->operator_count == STACK_MAX) {
        e->failed = true;
        return;
    }
    e->operators[e->operator_count++] = operator;
}

static void close_bracket(struct evaluation *e)
{
    while (e->operator_count > 0 && e->operators[e->operator_count - 1] != '(' && !e->failed) {
        apply(e);
    }
    if (e->operator_count == 0) {
        e->failed = true;
    } else {
        e->operator_count--;
    }
}

/* The operator at the beginning, as one of "+-*" "/"; 0: there is none. */
static char read_operator(struct slice text, size_t *ret_len)
{
    static const struct {
        struct slice sign;
        char operator;
    } signs[] = {
        {SLICE_INIT("+"), '+'},
        {SLICE_INIT("-"), '-'},
        {SLICE_INIT("*"), '*'},
        {SLICE_INIT("/"), '/'},
        {SLICE_INIT("x"), '*'},
        {SLICE_INIT("X"), '*'},
        {SLICE_INIT("\xc3\x97"), '*'},
        {SLICE_INIT("\xc3\xb7"), '/'},
        {SLICE_INIT("\xe2\x88\x92"), '-'},
    };
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (slice_starts(text, signs[i].sign)) {
            *ret_len = signs[i].sign.len;
            return signs[i].operator;
        }
    }
    return '\0';
}

static bool is_filling(char c)
{
    return c == ' ' || c == '$' || c == '\\';
}

/* One element of the expression; its length. `wants_value`: an operator is out of place here. */
static size_t read_element(struct evaluation *e, struct slice rest, bool *wants_value)
{
    double value;
    unsigned places;
    size_t len = 1;
    if (is_filling(rest.ptr[0])) {
        return 1;
    }
    if (*wants_value) {
        if (rest.ptr[0] == '(') {
            push_operator(e, '(');
            return 1;
        }
        len = read_number(rest, &value, &places);
        if (len == 0 || e->value_count == STACK_MAX) {
            e->failed = true;
            return 1;
        }
        e->values[e->value_count++] = value;
        *wants_value = false;
        return len;
    }
    if (rest.ptr[0] == '%') {
        e->values[e->value_count - 1] /= 100;
    } else if (rest.ptr[0] == ')') {
        close_bracket(e);
    } else {
        char operator= read_operator(rest, &len);
        e->failed = e->failed || operator== '\0';
        push_operator(e, operator);
        *wants_value = true;
    }
    return len;
}

static bool evaluate(struct slice text, double *ret_value)
{
    struct evaluation e = {.failed = false};
    bool wants_value = true;
    while (text.len > 0 && !e.failed) {
        text = slice_from(text, read_element(&e, text, &wants_value));
    }
    while (e.operator_count > 0 && !e.failed) {
        apply(&e);
    }
    *ret_value = e.value_count == 1 ? e.values[0] : 0;
    return !e.failed && !wants_value && e.value_count == 1 && e.done > 0;
}

/* --- sums in a text --- */

static bool is_of_expression(struct slice text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    if (c == 'x' || c == 'X') { /* "3 x 4", not "x" of a word */
        return at > 0 && (text.ptr[at - 1] == ' ' || is_digit(text.ptr[at - 1]));
    }
    return is_digit((char)c) || (c != '\0' && memchr(" $\\+-*/().,%", c, 12) != NULL) || c >= 0x80;
}

/* What stands before the equals sign at `end`. */
static struct slice expression_before(struct slice text, size_t end)
{
    size_t floor = end > ARITHMETIC_EXPRESSION_MAX ? end - ARITHMETIC_EXPRESSION_MAX : 0;
    size_t start = end;
    while (start > floor && is_of_expression(text, start - 1)) {
        start--;
    }
    while (start < end && !is_digit(text.ptr[start]) && text.ptr[start] != '(') {
        start++; /* the end of a sentence, a list's dash */
    }
    return slice_trim(slice_of(text.ptr + start, end - start));
}

/* The number behind the equals sign. What stands between is as short as an expression: a text of
 * equals signs would cost their square. */
static bool result_after(struct slice text, size_t at, double *ret_value, unsigned *ret_places)
{
    size_t last = at + ARITHMETIC_EXPRESSION_MAX;
    while (at < text.len && at < last && (is_filling(text.ptr[at]) || text.ptr[at] == '=')) {
        at++;
    }
    bool negative = at < text.len && text.ptr[at] == '-';
    at += negative;
    size_t len = read_number(slice_from(text, at), ret_value, ret_places);
    if (len == 0) {
        return false;
    }
    *ret_value = negative ? -*ret_value : *ret_value;
    if (at + len < text.len && text.ptr[at + len] == '%') {
        *ret_value /= 100;
        *ret_places += 2;
    }
    return true;
}

static void check_sum(struct slice text, size_t equals, struct arithmetic *arithmetic)
{
    double value;
    double stated;
    unsigned places;
    if (!result_after(text, equals + 1, &stated, &places) ||
        !evaluate(expression_before(text, equals), &value)) {
        return;
    }
    double slack = 0.5 * pow(10, -(double)places) * (1 + NEARLY) + NEARLY;
    bool exact = fabs(value - stated) <= NEARLY * fmax(1, fabs(value));
    bool right = exact || (value != floor(value) && fabs(value - stated) <= slack);
    arithmetic->right += right;
    arithmetic->wrong += !right;
    arithmetic->has_result = true;
    arithmetic->result = stated;
}

static void find_final(struct slice text, struct arithmetic *arithmetic)
{
    size_t end = text.len;
    unsigned places;
    while (end > 0 && !is_digit(text.ptr[end - 1])) {
        end--;
    }
    size_t start = end;
    while (start > 0 && (is_digit(text.ptr[start - 1]) || text.ptr[start - 1] == ',' ||
                         text.ptr[start - 1] == '.')) {
        start--;
    }
    while (start < end && !is_digit(text.ptr[start])) {
        start++;
    }
    struct slice number = slice_from(slice_of(text.ptr, end), start); /* of no text, too */
    arithmetic->has_final = read_number(number, &arithmetic->final_number, &places) > 0;
}

void arithmetic_check(struct slice text, struct arithmetic *ret_arithmetic)
{
    *ret_arithmetic = (struct arithmetic){.right = 0};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '=') {
            check_sum(text, i, ret_arithmetic);
        }
    }
    find_final(text, ret_arithmetic);
}
