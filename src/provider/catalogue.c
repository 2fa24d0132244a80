/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks models up in the generated tables. A provider's models are tried in the package's order and
 * the first whose rule matches wins, then those of the providers it falls back on, then the same
 * once more with compact dates written out: that is what the package does, so what it prices, this
 * prices alike. Rules are postfix words over a small stack; every word takes time linear in the
 * name, and patterns know only literals and digits, so no name can make a search slow.
 */
#include "provider/catalogue.h"

#include "catalogue_data.h"

#define SECONDS_PER_DAY 86400
#define NO_MODEL SIZE_MAX

static struct slice text_of(struct catalogue_text text)
{
    return slice_of(catalogue_pool + text.offset, text.len);
}

/* --- match rules --- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool pattern_at(struct slice pattern, const char *text)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '#' ? !is_digit(text[i]) : pattern.ptr[i] != text[i]) {
            return false;
        }
    }
    return true;
}

static bool pattern_matches(struct slice pattern, struct slice name)
{
    bool at_start = pattern.len > 0 && pattern.ptr[0] == '^';
    pattern = slice_from(pattern, at_start ? 1 : 0);
    bool at_end = pattern.len > 0 && pattern.ptr[pattern.len - 1] == '$';
    pattern.len -= at_end ? 1 : 0;
    if (pattern.len > name.len || (at_start && at_end && pattern.len != name.len)) {
        return false;
    }
    size_t last = name.len - pattern.len;
    size_t to = at_start ? 0 : last;
    for (size_t from = at_end ? last : 0; from <= to; from++) {
        if (pattern_at(pattern, name.ptr + from)) {
            return true;
        }
    }
    return false;
}

static bool word_matches(const struct catalogue_match_row *word, struct slice name)
{
    struct slice text = slice_of(catalogue_pool + word->offset, word->len);
    switch (word->sign) {
    case '=':
        return slice_eq(name, text);
    case '^':
        return slice_starts(name, text);
    case '$':
        return slice_ends(name, text);
    case '*':
        return slice_find_slice(name, text) != SIZE_MAX;
    default:
        return pattern_matches(text, name);
    }
}

/* `and` is true when all of its values are, `or` when one is. */
static bool combine(const bool *values, size_t count, bool all)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] != all) {
            return !all;
        }
    }
    return all;
}

static bool rule_matches(const struct catalogue_model_row *model, struct slice name)
{
    bool stack[CATALOGUE_STACK_MAX];
    size_t depth = 0;
    const struct catalogue_match_row *word = &catalogue_matches[model->first_match];
    for (const struct catalogue_match_row *end = word + model->match_count; word < end; word++) {
        if (word->sign == '|' || word->sign == '&') {
            depth -= word->len;
            stack[depth] = combine(&stack[depth], word->len, word->sign == '&');
            depth++;
        } else if (word->sign == '!') {
            stack[depth - 1] = !stack[depth - 1];
        } else {
            stack[depth++] = word_matches(word, name);
        }
    }
    return stack[0];
}

static size_t find_in_provider(const struct catalogue_provider_row *provider, struct slice name)
{
    for (size_t i = provider->first_model; i < provider->first_model + provider->model_count; i++) {
        if (rule_matches(&catalogue_models[i], name)) {
            return i;
        }
    }
    return NO_MODEL;
}

static size_t find_with_fallbacks(const struct catalogue_provider_row *provider, struct slice name)
{
    size_t found = find_in_provider(provider, name);
    for (size_t i = 0; found == NO_MODEL && i < provider->fallback_count; i++) {
        found = find_in_provider(
            &catalogue_providers[catalogue_fallbacks[provider->first_fallback + i]], name);
    }
    return found;
}

/* --- dates in names --- */

static unsigned two_digits(const char *text)
{
    return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

/* "-20YYMMDD" that names a day of the calendar and ends there (at '-', ':' or the end). */
static bool is_compact_date(struct slice text)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.len < 9 || !pattern_at(SLICE("-20######"), text.ptr) ||
        (text.len > 9 && text.ptr[9] != '-' && text.ptr[9] != ':')) {
        return false;
    }
    unsigned year = 2000 + two_digits(text.ptr + 3);
    unsigned month = two_digits(text.ptr + 5);
    unsigned day = two_digits(text.ptr + 7);
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    unsigned leap = month == 2 && year % 4 == 0 && year % 100 != 0;
    return day <= days[month - 1] + leap || (year == 2000 && month == 2 && day == 29);
}

/* Writes compact dates as -YYYY-MM-DD; the empty slice when there is none. `out` holds two more
 * bytes for each nine. */
static struct slice expand_dates(struct slice name, char *out)
{
    size_t len = 0;
    bool changed = false;
    for (size_t i = 0; i < name.len; i++) {
        struct slice rest = slice_from(name, i);
        if (!is_compact_date(rest)) {
            out[len++] = name.ptr[i];
            continue;
        }
        memcpy(out + len, rest.ptr, 5);
        out[len + 5] = '-';
        memcpy(out + len + 6, rest.ptr + 5, 2);
        out[len + 8] = '-';
        memcpy(out + len + 9, rest.ptr + 7, 2);
        len += 11;
        i += 8;
        changed = true;
    }
    return changed ? slice_of(out, len) : SLICE_EMPTY;
}

/* --- prices --- */

static int64_t second_of_day(int64_t wall_s)
{
    int64_t second = wall_s % SECONDS_PER_DAY;
    return second < 0 ? second + SECONDS_PER_DAY : second;
}

static bool period_applies(const struct catalogue_period_row *period, int64_t wall_s)
{
    if (period->kind == 'f') {
        return wall_s >= period->begin;
    }
    if (period->kind != 'd') {
        return true;
    }
    int64_t now = second_of_day(wall_s);
    if (period->end < period->begin) {
        return now >= period->begin || now < period->end; /* over midnight */
    }
    return now >= period->begin && now < period->end;
}

/* The next moment at which the clock of a day shows `second`. */
static int64_t next_at(int64_t wall_s, int64_t second)
{
    int64_t wait = second - second_of_day(wall_s);
    wait += wait <= 0 ? SECONDS_PER_DAY : 0;
    return wall_s > INT64_MAX - wait ? INT64_MAX : wall_s + wait;
}

static int64_t period_changes_at(const struct catalogue_period_row *period, int64_t wall_s)
{
    if (period->kind == 'f') {
        return wall_s < period->begin ? period->begin : INT64_MAX;
    }
    if (period->kind != 'd') {
        return INT64_MAX;
    }
    int64_t begin = next_at(wall_s, period->begin);
    int64_t end = next_at(wall_s, period->end);
    return begin < end ? begin : end;
}

static void price_fill(const struct catalogue_price_row *row, struct price *price)
{
    *price = (struct price){.known = row->known, .per_request_nd = row->per_request_nd};
    if (!row->known) {
        return;
    }
    price->base = catalogue_rates[row->base];
    price->tier_count = row->tier_count;
    for (size_t i = 0; i < row->tier_count; i++) {
        price->tiers[i].above_input = row->tiers[i].above_input;
        price->tiers[i].rates = catalogue_rates[row->tiers[i].rates];
    }
}

static void price_of(const struct catalogue_model_row *model, int64_t wall_s,
                     struct catalogue_model *ret_model)
{
    const struct catalogue_period_row *periods = &catalogue_periods[model->first_period];
    const struct catalogue_period_row *in_force = &periods[0];
    ret_model->price_until_s = INT64_MAX;
    for (size_t i = 0; i < model->period_count; i++) {
        if (period_applies(&periods[i], wall_s)) {
            in_force = &periods[i];
        }
        int64_t change = period_changes_at(&periods[i], wall_s);
        if (change < ret_model->price_until_s) {
            ret_model->price_until_s = change;
        }
    }
    price_fill(&catalogue_prices[in_force->price], &ret_model->price);
}

/* --- contract --- */

const struct catalogue_info *catalogue_info(void)
{
    static const struct catalogue_info info = {
        .source = catalogue_source,
        .date = catalogue_date,
        .models = ARRAY_LEN(catalogue_models),
        .providers = ARRAY_LEN(catalogue_providers),
    };
    return &info;
}

void catalogue_at(size_t index, int64_t wall_s, struct catalogue_model *ret_model)
{
    CHECK(index < ARRAY_LEN(catalogue_models));
    const struct catalogue_model_row *model = &catalogue_models[index];
    size_t provider = 0;
    while (index >=
           catalogue_providers[provider].first_model + catalogue_providers[provider].model_count) {
        provider++;
    }
    *ret_model = (struct catalogue_model){
        .index = index,
        .provider = text_of(catalogue_providers[provider].id),
        .id = text_of(model->id),
        .name = text_of(model->name),
        .context_tokens = model->context_tokens,
        .output_tokens = model->output_tokens,
        .capabilities = model->capabilities,
    };
    price_of(model, wall_s, ret_model);
}

bool catalogue_find(struct slice provider, struct slice model, int64_t wall_s,
                    struct catalogue_model *ret_model)
{
    char lower[CATALOGUE_NAME_MAX];
    char expanded[2 * CATALOGUE_NAME_MAX];
    size_t row = 0;
    while (row < ARRAY_LEN(catalogue_providers) &&
           !slice_eq(provider, text_of(catalogue_providers[row].id))) {
        row++;
    }
    model = slice_trim(model);
    if (row == ARRAY_LEN(catalogue_providers) || model.len == 0 || model.len > sizeof(lower)) {
        return false;
    }
    for (size_t i = 0; i < model.len; i++) {
        bool upper = model.ptr[i] >= 'A' && model.ptr[i] <= 'Z';
        lower[i] = (char)(model.ptr[i] + (upper ? 'a' - 'A' : 0));
    }
    struct slice name = slice_of(lower, model.len);
    size_t found = find_with_fallbacks(&catalogue_providers[row], name);
    if (found == NO_MODEL) {
        name = expand_dates(name, expanded);
        found = name.len == 0 ? NO_MODEL : find_with_fallbacks(&catalogue_providers[row], name);
    }
    if (found == NO_MODEL) {
        return false;
    }
    catalogue_at(found, wall_s, ret_model);
    return true;
}
