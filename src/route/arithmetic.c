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

/* Three digits and no fourth: what follows a comma in "1,234". */
static bool is_group(struct slice text)
{
    return text.len >= 3 && is_digit(text.ptr[0]) && is_digit(text.ptr[1]) &&
           is_digit(text.ptr[2]) && (text.len == 3 || !is_digit(text.ptr[3]));
}

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
        } else if (!is_group(slice_from(text, i + 1))) {
            return 0; /* "1,5": whether that is a list or a decimal comma is not known */
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

/* A minus in front of all is 0 minus the rest's first product. */
static bool evaluate(struct slice text, double *ret_value)
{
    struct evaluation e = {.failed = false};
    bool wants_value = true;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (negative) {
        e.values[e.value_count++] = 0;
        push_operator(&e, '-');
        text = slice_from(text, 1);
    }
    while (text.len > 0 && !e.failed) {
        text = slice_from(text, read_element(&e, text, &wants_value));
    }
    while (e.operator_count > 0 && !e.failed) {
        apply(&e);
    }
    *ret_value = e.value_count == 1 ? e.values[0] : 0;
    return !e.failed && !wants_value && e.value_count == 1 && e.done > negative;
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

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether a value ends the text, spaces aside. */
static bool ends_in_value(struct slice text)
{
    size_t floor = text.len > ARITHMETIC_EXPRESSION_MAX ? text.len - ARITHMETIC_EXPRESSION_MAX : 0;
    while (text.len > floor && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    char last = text.len == 0 ? ' ' : text.ptr[text.len - 1];
    return is_letter(last) || is_digit(last) || last == ')' || last == '!';
}

/* Whether what stands before an expression may belong to it: "y + 3 + 4", "sin(30) + 1", "1e3 + 1",
 * a root or another operator of Unicode's block from U+2200 on. A dash is a list's or a sentence's
 * unless a value stands before it; two stars are bold print. */
static bool is_torn(struct slice text, size_t start)
{
    struct slice before = slice_of(text.ptr, start);
    char last = before.len == 0 ? ' ' : before.ptr[before.len - 1];
    if (is_letter(last) || last == '_' || last == '.' || last == ',' || last == '^') {
        return true;
    }
    if (before.len >= 3 && memcmp(before.ptr + before.len - 3, "\xe2\x88", 2) == 0) {
        return true;
    }
    while (before.len > 0 && before.ptr[before.len - 1] == ' ') {
        before.len--;
    }
    last = before.len == 0 ? ' ' : before.ptr[before.len - 1];
    bool bold = before.len > 1 && last == '*' && before.ptr[before.len - 2] == '*';
    bool operator= last == '+' || last == '-' || last == '/' ||(last == '*' && !bold);
    return operator&& ends_in_value(slice_of(before.ptr, before.len - 1));
}

/* Whether a minus touches what stands at `start` and no value stands before that. */
static bool is_signed(struct slice text, size_t start)
{
    return start > 0 && text.ptr[start - 1] == '-' && !ends_in_value(slice_of(text.ptr, start - 1));
}

/* What stands before the equals sign at `end`; nothing where its beginning is in doubt. */
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
    if (is_signed(text, start)) {
        start--;
    } else if (start < end && is_torn(text, start)) {
        start = end;
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

/* What is behind the number that follows the equals sign at `at`. */
static struct slice behind_result(struct slice text, size_t at)
{
    size_t last = at + ARITHMETIC_EXPRESSION_MAX;
    while (at < text.len && at < last && !is_digit(text.ptr[at])) {
        at++;
    }
    while (at < text.len && at < last &&
           (is_digit(text.ptr[at]) || text.ptr[at] == '.' || text.ptr[at] == ',')) {
        at++;
    }
    while (at < text.len && at < last && is_filling(text.ptr[at])) {
        at++;
    }
    return slice_from(text, at);
}

/* Whether the result goes on: "= 5/6", "= 2 * 15", "= 1 (mod 12)", "= 1e3". */
static bool goes_on(struct slice behind)
{
    size_t len = 1;
    if (slice_starts(behind, SLICE("(mod")) || slice_starts(behind, SLICE("mod ")) ||
        slice_starts(behind, SLICE("\\")) || slice_starts(behind, SLICE("^")) ||
        (behind.len > 1 && behind.ptr[0] == 'e' && is_digit(behind.ptr[1]))) {
        return true;
    }
    if (read_operator(behind, &len) == '\0') {
        return false;
    }
    behind = slice_from(behind, len);
    while (behind.len > 0 && is_filling(behind.ptr[0])) {
        behind = slice_from(behind, 1);
    }
    return behind.len > 0 && (is_digit(behind.ptr[0]) || behind.ptr[0] == '(');
}

/* "1.500" may be a thousand and a half or one and a half: such a sum can be right, not wrong. */
static bool has_dotted_thousands(struct slice text)
{
    for (size_t i = 1; i + 3 < text.len; i++) {
        if (text.ptr[i] == '.' && is_digit(text.ptr[i - 1]) && is_group(slice_from(text, i + 1))) {
            return true;
        }
    }
    return false;
}

static bool is_beyond_doubt(struct slice text, size_t equals, struct slice expression)
{
    struct slice behind = behind_result(text, equals + 1);
    struct slice result = slice_of(text.ptr + equals, (size_t)(behind.ptr - text.ptr) - equals);
    return !goes_on(behind) && !has_dotted_thousands(expression) && !has_dotted_thousands(result);
}

static void check_sum(struct slice text, size_t equals, struct arithmetic *arithmetic)
{
    double value;
    double stated;
    unsigned places;
    struct slice expression = expression_before(text, equals);
    if (!result_after(text, equals + 1, &stated, &places) || !evaluate(expression, &value)) {
        return;
    }
    double slack = 0.5 * pow(10, -(double)places) * (1 + NEARLY) + NEARLY;
    bool exact = fabs(value - stated) <= NEARLY * fmax(1, fabs(value));
    bool right = exact || (value != floor(value) && fabs(value - stated) <= slack);
    if (!right && !is_beyond_doubt(text, equals, expression)) {
        return;
    }
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
