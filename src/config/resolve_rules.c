/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a route: conditions, and what follows from them. */
#include "config/resolve_strategy.h"

#define WHEN "routes.*.rules.*.when."

static int name_len(struct slice name)
{
    return (int)(name.len < 100 ? name.len : 100);
}

static void report_word(struct reader *reader, const struct yaml *item, const char *what,
                        const char *hint)
{
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", item->place, hint,
                    "\"%.*s\" is no %s", name_len(item->written), item->written.ptr, what);
}

/* --- words out of a fixed list, as bits --- */

static const struct slice languages[] = {
    SLICE_INIT("unknown"),  SLICE_INIT("english"), SLICE_INIT("latin"),
    SLICE_INIT("cyrillic"), SLICE_INIT("cjk"),     SLICE_INIT("other"),
};
_Static_assert(ARRAY_LEN(languages) == LANGUAGE_OTHER + 1, "a name for each");
static const struct slice days[] = {
    SLICE_INIT("mon"), SLICE_INIT("tue"), SLICE_INIT("wed"), SLICE_INIT("thu"),
    SLICE_INIT("fri"), SLICE_INIT("sat"), SLICE_INIT("sun"),
};

static struct slice word_at(const void *owner, size_t i)
{
    const struct slice *words = owner;
    return words[i];
}

static unsigned read_bits(struct reader *reader, const struct yaml *list, const char *what,
                          const struct slice *words, size_t count)
{
    unsigned bits = 0;
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        size_t at = 0;
        while (at < count && !slice_eq_nocase(i->text, words[at])) {
            at++;
        }
        if (at == count) {
            report_unknown_name(reader, i->place, i->written, what, word_at, words, count);
        } else {
            bits |= 1u << at;
        }
    }
    return bits;
}

/* --- tasks: an identifier, or the beginning of several ("code_*") --- */

static struct slice task_at(const void *owner, size_t i)
{
    (void)owner;
    return slice_from_cstr(task_name((enum task)i));
}

static uint64_t tasks_meant(struct slice pattern)
{
    uint64_t bits = 0;
    for (unsigned task = 0; task < TASK_COUNT; task++) {
        bits |= (uint64_t)rule_text_matches(task_at(NULL, task), &pattern, 1) << task;
    }
    return bits;
}

static uint64_t read_tasks(struct reader *reader, const struct yaml *list)
{
    uint64_t bits = 0;
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        uint64_t meant = tasks_meant(i->text);
        bits |= meant;
        if (meant == 0) {
            report_unknown_name(reader, i->place, i->written, "task", task_at, NULL, TASK_COUNT);
        }
    }
    return bits;
}

/* --- hours: "22:00-06:00" --- */

static bool read_minute(struct slice text, uint16_t *ret_minute)
{
    struct slice rest = slice_trim(text);
    struct slice hour_text = slice_cut(&rest, ':');
    uint64_t hour;
    uint64_t minute;
    if (hour_text.len == 0 || hour_text.len > 2 || rest.len != 2 ||
        !slice_to_u64(hour_text, &hour) || !slice_to_u64(rest, &minute) || hour > 24 ||
        minute > 59 || (hour == 24 && minute > 0)) {
        return false;
    }
    *ret_minute = (uint16_t)(hour * 60 + minute);
    return true;
}

static void read_hours(struct reader *reader, const struct yaml *list, struct rule_when *when)
{
    struct rule_hours *hours = arena_array(reader->arena, item_count(list) + 1, sizeof(*hours));
    for (const struct yaml *i = item_first(list); i != NULL && hours != NULL;
         i = item_next(list, i)) {
        struct rule_hours *span = &hours[when->hour_count];
        struct slice rest = i->text;
        struct slice from = slice_cut(&rest, '-');
        if (!read_minute(from, &span->from) || !read_minute(rest, &span->to) ||
            span->from == RULE_MINUTES_OF_DAY || span->from == span->to) {
            report_word(reader, i, "span of hours", "for example 22:00-06:00, quoted");
        } else {
            when->hour_count++;
        }
    }
    when->hours = hours;
}

/* --- headers and metadata --- */

static void read_words(struct reader *reader, const struct yaml *section, bool metadata,
                       struct rule_word *words, size_t *count)
{
    for (const struct yaml *m = member_first(section); m != NULL; m = member_next(m)) {
        struct rule_word *word = &words[*count];
        struct slice *values = arena_array(reader->arena, item_count(m) + 1, sizeof(*values));
        if (values == NULL) {
            return;
        }
        *word = (struct rule_word){.name = m->key, .values = values, .metadata = metadata};
        for (const struct yaml *i = item_first(m); i != NULL; i = item_next(m, i)) {
            values[word->value_count++] = i->text;
        }
        *count += word->value_count > 0;
    }
}

static void read_all_words(struct reader *reader, const struct yaml *section,
                           struct rule_when *when)
{
    const struct yaml *header = setting_node(section, WHEN "header");
    const struct yaml *metadata = setting_node(section, WHEN "metadata");
    size_t room = member_count(header) + member_count(metadata);
    struct rule_word *words = arena_array(reader->arena, room + 1, sizeof(*words));
    if (words == NULL) {
        return;
    }
    read_words(reader, header, false, words, &when->word_count);
    read_words(reader, metadata, true, words, &when->word_count);
    when->words = words;
}

/* --- conditions --- */

static int read_either(const struct yaml *section, const char *pattern)
{
    return setting_given(section, pattern) ? setting_number(section, pattern) != 0 : -1;
}

static double read_share(const struct yaml *section, const char *pattern)
{
    return (double)setting_number(section, pattern) / 1000.0;
}

static void report_empty_range(struct reader *reader, const struct yaml *section,
                               const char *pattern)
{
    const struct yaml *node = setting_node(section, pattern);
    report_error(reader, node != NULL ? node->key_place : place_of_key(section), "contradiction",
                 "no request can be both: make the least smaller",
                 "the least is more than the most");
}

static void read_ranges(struct reader *reader, const struct yaml *section, struct rule_when *when)
{
    when->min_complexity = read_share(section, WHEN "min_complexity");
    when->max_complexity = read_share(section, WHEN "max_complexity");
    when->min_tokens = setting_number(section, WHEN "min_tokens");
    when->max_tokens = setting_given(section, WHEN "max_tokens")
                           ? setting_number(section, WHEN "max_tokens")
                           : INT64_MAX;
    if (when->min_complexity > when->max_complexity) {
        report_empty_range(reader, section, WHEN "min_complexity");
    }
    if (when->min_tokens > when->max_tokens) {
        report_empty_range(reader, section, WHEN "min_tokens");
    }
}

static void read_when(struct reader *reader, const struct yaml *section, struct rule_when *when)
{
    struct slice *keys = NULL;
    read_ranges(reader, section, when);
    when->tasks = read_tasks(reader, setting_node(section, WHEN "task"));
    when->languages = read_bits(reader, setting_node(section, WHEN "language"), "language",
                                languages, ARRAY_LEN(languages));
    when->days =
        read_bits(reader, setting_node(section, WHEN "days"), "day", days, ARRAY_LEN(days));
    read_hours(reader, setting_node(section, WHEN "hours"), when);
    when->tools = read_either(section, WHEN "tools");
    when->stream = read_either(section, WHEN "stream");
    when->pressure = setting_given(section, WHEN "pace")
                         ? (unsigned)setting_number(section, WHEN "pace") + 1
                         : 0;
    when->key_count = setting_list(reader, section, WHEN "key", &keys);
    when->keys = keys;
    read_all_words(reader, section, when);
}

/* --- what follows --- */

static void read_rule(struct reader *reader, const struct yaml *section, const struct route *route,
                      struct rule *rule)
{
    static const struct strategy_options options = {"routes.*.rules.*.strategy",
                                                    "routes.*.rules.*.weights"};
    const struct yaml *targets = setting_node(section, "routes.*.rules.*.targets");
    rule->name = section->key;
    read_when(reader, setting_node(section, "routes.*.rules.*.when"), &rule->when);
    if (targets != NULL) {
        rule->targets = resolve_target_list(reader, targets, &rule->target_count);
    }
    struct arrangement arrangement = {
        .targets = rule->targets != NULL ? rule->targets : route->candidates,
        .count = rule->targets != NULL ? rule->target_count : route->candidate_count,
        .strategy = route->strategy,
    };
    resolve_strategy(reader, section, &options, &arrangement);
    rule->strategy = arrangement.strategy;
    rule->weights = arrangement.weights;
    if (rule->targets == NULL && !setting_attempted(section, options.weights) &&
        rule->strategy == route->strategy) {
        rule->weights = route->weights;
    }
    rule->min_tier = setting_given(section, "routes.*.rules.*.min_tier")
                         ? (int)setting_number(section, "routes.*.rules.*.min_tier")
                         : -1;
}

void resolve_rules(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *rules = setting_node(section, "routes.*.rules");
    struct rule *made = arena_array(reader->arena, member_count(rules) + 1, sizeof(*made));
    if (made == NULL || rules == NULL) {
        return;
    }
    if (member_count(rules) > RULES_MAX) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "too_large", rules->key_place,
                        "put what belongs together into one, or into routes of their own",
                        "a route has at most %d rules", RULES_MAX);
        return;
    }
    for (const struct yaml *r = member_first(rules); r != NULL; r = member_next(r)) {
        struct rule *rule = &made[route->rule_count++];
        read_rule(reader, r, route, rule);
        route->draws |= rule->strategy == STRATEGY_WEIGHTED;
    }
    route->rules = made;
}
