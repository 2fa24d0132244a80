/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

struct unit {
    struct slice name;
    int64_t factor;
};

static const struct unit durations[] = {{SLICE_INIT("ms"), 1},       {SLICE_INIT("s"), 1000},
                                        {SLICE_INIT("m"), 60000},    {SLICE_INIT("h"), 3600000},
                                        {SLICE_INIT("d"), 86400000}, {SLICE_INIT(""), 0}};
static const struct unit sizes[] = {{SLICE_INIT("KB"), 1024},       {SLICE_INIT("MB"), 1048576},
                                    {SLICE_INIT("GB"), 1073741824}, {SLICE_INIT("B"), 1},
                                    {SLICE_INIT(""), 1}};

/* A whole number followed by a unit; a factor of 0 means that a unit must be written. */
static bool number_with_unit(struct slice text, const struct unit *units, size_t count, int64_t *ret_value)
{
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    struct slice unit = slice_trim(slice_from(text, digits));
    if (!slice_to_u64(slice_of(text.ptr, digits), &number) || number > INT32_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(unit, units[i].name) && (units[i].factor > 0 || number == 0)) {
            *ret_value = (int64_t)number * units[i].factor;
            return true;
        }
    }
    return false;
}

static bool boolean(struct slice text, int64_t *ret_value)
{
    bool yes = slice_eq(text, SLICE("true")) || slice_eq(text, SLICE("yes")) || slice_eq(text, SLICE("on"));
    bool no = slice_eq(text, SLICE("false")) || slice_eq(text, SLICE("no")) || slice_eq(text, SLICE("off"));
    *ret_value = yes ? 1 : 0;
    return yes || no;
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

static bool by_type(const struct option *option, struct slice text, int64_t *ret_value)
{
    switch (option->type) {
    case OPTION_BOOLEAN:
        return boolean(text, ret_value);
    case OPTION_AUTO_INTEGER:
        if (slice_eq(text, SLICE("auto"))) {
            *ret_value = 0;
            return true;
        }
        return integer(text, ret_value) && *ret_value > 0;
    case OPTION_INTEGER:
        return integer(text, ret_value);
    case OPTION_DECIMAL:
        return slice_to_scaled(text, 3, ret_value);
    case OPTION_DURATION:
        return number_with_unit(text, durations, ARRAY_LEN(durations), ret_value);
    case OPTION_SIZE:
        return number_with_unit(text, sizes, ARRAY_LEN(sizes), ret_value);
    case OPTION_CHOICE:
        *ret_value = option_choice(option->choices, text);
        return *ret_value >= 0;
    case OPTION_PRICE:
        return slice_to_scaled(text, 6, ret_value) && *ret_value >= 0;
    case OPTION_MONEY:
        return slice_to_scaled(text, 9, ret_value) && *ret_value >= 0;
    case OPTION_SECTION:
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_STRING_LIST:
    case OPTION_LIST_OR_SECTION:
        break;
    }
    return false;
}

/* A price typed per token instead of per million, or the reverse, is off by 10^6: nothing costs more than this. */
#define PRICE_SANE_MAX_PD 10000000000LL /* $10,000 per million tokens */

bool value_number(const struct option *option, struct slice text, int64_t *ret_value, const char **ret_why)
{
    *ret_why = NULL;
    if (!by_type(option, text, ret_value)) {
        return false;
    }
    if (option->type == OPTION_PRICE && *ret_value > PRICE_SANE_MAX_PD) {
        *ret_why = "prices are in dollars per million tokens; nothing costs over $10,000";
        return false;
    }
    bool bounded = option->minimum != 0 || option->maximum != 0;
    int64_t scale = option->type == OPTION_DECIMAL ? 1000 : 1;
    bool is_auto = option->type == OPTION_AUTO_INTEGER && *ret_value == 0;
    if (bounded && !is_auto &&
        (*ret_value < option->minimum * scale || *ret_value > option->maximum * scale)) {
        *ret_why = "out of range";
        return false;
    }
    return true;
}
