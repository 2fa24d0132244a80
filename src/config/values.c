/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

/* A price typed per token instead of per million, or the reverse, is off by 10^6: nothing costs
 * more than this, and nothing that costs something costs so little. */
#define PRICE_LARGEST_PD 10000000000LL      /* $10,000 per million tokens */
#define PRICE_SMALLEST_PD 100LL             /* $0.0001 */
#define MONEY_LARGEST_ND 1000000000000000LL /* a million dollars */

const char value_out_of_range[] = "out of range";

struct unit {
    struct slice name;
    int64_t factor;
};

static const struct unit durations[] = {
    {SLICE_INIT("ms"), 1},      {SLICE_INIT("s"), 1000},     {SLICE_INIT("m"), 60000},
    {SLICE_INIT("h"), 3600000}, {SLICE_INIT("d"), 86400000},
};
static const struct unit sizes[] = {
    {SLICE_INIT(""), 1},         {SLICE_INIT("B"), 1},         {SLICE_INIT("KB"), 1024},
    {SLICE_INIT("KiB"), 1024},   {SLICE_INIT("MB"), 1048576},  {SLICE_INIT("MiB"), 1048576},
    {SLICE_INIT("GB"), 1 << 30}, {SLICE_INIT("GiB"), 1 << 30},
};

static bool number_with_unit(struct slice text, const struct unit *units, size_t count,
                             int64_t *ret_value, const char **ret_why)
{
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    struct slice unit = slice_trim(slice_from(text, digits));
    if (!slice_to_u64(slice_of(text.ptr, digits), &number)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(unit, units[i].name)) {
            *ret_value = number > INT32_MAX ? INT64_MAX : (int64_t)number * units[i].factor;
            return true;
        }
    }
    *ret_value = 0;
    if (unit.len == 0 && number != 0) {
        *ret_why = "the unit is missing: ms, s, m, h or d";
        return false;
    }
    return unit.len == 0;
}

static bool boolean(struct slice text, int64_t *ret_value)
{
    static const struct slice words[] = {SLICE_INIT("false"), SLICE_INIT("true"), SLICE_INIT("no"),
                                         SLICE_INIT("yes"),   SLICE_INIT("off"),  SLICE_INIT("on")};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq_nocase(text, words[i])) {
            *ret_value = (int64_t)(i % 2);
            return true;
        }
    }
    return false;
}

static bool integer(struct slice text, int64_t *ret_value)
{
    uint64_t value;
    if (!slice_to_u64(text, &value) || value > INT64_MAX) {
        return false;
    }
    *ret_value = (int64_t)value;
    return true;
}

/* Is the number not zero, whatever it is rounded to? */
static bool has_digit(struct slice text)
{
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        if (text.ptr[i] >= '1' && text.ptr[i] <= '9') {
            return true;
        }
    }
    return false;
}

static bool price(struct slice text, int64_t *ret_value, const char **ret_why)
{
    if (text.len > 0 && text.ptr[0] == '$') {
        *ret_why = "leave the dollar sign off";
        return false;
    }
    if (!slice_to_scaled(text, 6, ret_value) || *ret_value < 0) {
        return false;
    }
    if (*ret_value > PRICE_LARGEST_PD) {
        *ret_why = "prices are in dollars per million tokens; nothing costs over $10,000";
    } else if (*ret_value < PRICE_SMALLEST_PD && has_digit(text)) {
        *ret_why = "prices are in dollars per million tokens, not per token";
    }
    return *ret_why == NULL;
}

static bool money(struct slice text, int64_t *ret_value, const char **ret_why)
{
    if (text.len > 0 && text.ptr[0] == '$') {
        *ret_why = "leave the dollar sign off";
        return false;
    }
    if (!slice_to_scaled(text, 9, ret_value) || *ret_value < 0) {
        return false;
    }
    if (*ret_value > MONEY_LARGEST_ND) {
        *ret_why = "that is more than a million dollars";
    } else if (*ret_value == 0 && has_digit(text)) {
        *ret_why = "the smallest amount is $0.000000001";
    }
    return *ret_why == NULL;
}

static bool by_type(const struct option *option, struct slice text, int64_t *ret_value,
                    const char **ret_why)
{
    switch (option->type) {
    case OPTION_BOOLEAN:
        return boolean(text, ret_value);
    case OPTION_AUTO_INTEGER:
        if (slice_eq(text, SLICE("auto"))) {
            *ret_value = 0;
            return true;
        }
        return integer(text, ret_value);
    case OPTION_INTEGER:
        return integer(text, ret_value);
    case OPTION_DECIMAL:
        return slice_to_scaled(text, 3, ret_value);
    case OPTION_DURATION:
        return number_with_unit(text, durations, ARRAY_LEN(durations), ret_value, ret_why);
    case OPTION_SIZE:
        return number_with_unit(text, sizes, ARRAY_LEN(sizes), ret_value, ret_why);
    case OPTION_CHOICE:
        *ret_value = option_choice(option->choices, text);
        return *ret_value >= 0;
    case OPTION_PRICE:
        return price(text, ret_value, ret_why);
    case OPTION_MONEY:
        return money(text, ret_value, ret_why);
    case OPTION_SECTION:
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_STRING_LIST:
    case OPTION_LIST_OR_SECTION:
        break;
    }
    return false;
}

bool value_number(const struct option *option, struct slice text, int64_t *ret_value,
                  const char **ret_why)
{
    *ret_why = NULL;
    if (!by_type(option, text, ret_value, ret_why)) {
        return false;
    }
    int64_t scale = option->type == OPTION_DECIMAL ? 1000 : 1;
    bool is_auto = option->type == OPTION_AUTO_INTEGER && slice_eq(text, SLICE("auto"));
    if (option_has_bounds(option) && !is_auto &&
        (*ret_value < option->minimum * scale || *ret_value > option->maximum * scale)) {
        *ret_why = value_out_of_range;
        return false;
    }
    return true;
}
