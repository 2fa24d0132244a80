/* SPDX-License-Identifier: Apache-2.0 */
#include "route/rule.h"

/* --- who asks --- */

static bool pattern_matches(struct slice pattern, struct slice text)
{
    bool open_end = pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*';
    bool open_start = pattern.len > 1 && pattern.ptr[0] == '*';
    struct slice middle = slice_of(pattern.ptr + open_start, pattern.len - open_start - open_end);
    if (open_start && open_end) {
        return slice_find_slice(text, middle) != SIZE_MAX;
    }
    if (open_end) {
        return slice_starts(text, middle);
    }
    return open_start ? slice_ends(text, middle) : slice_eq(text, pattern);
}

bool rule_text_matches(struct slice text, const struct slice *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pattern_matches(patterns[i], text)) {
            return true;
        }
    }
    return false;
}

static bool is_in(const struct rule_hours *hours, unsigned minute)
{
    bool over_midnight = hours->to <= hours->from;
    bool late = minute >= hours->from;
    return over_midnight ? late || minute < hours->to : late && minute < hours->to;
}

static bool day_is_meant(const struct rule_when *when, unsigned day)
{
    return when->days == 0 || (when->days >> day & 1u) != 0;
}

/* The small hours of a night belong to the day on which it began. */
static bool time_holds(const struct rule_when *when, unsigned minute_of_week)
{
    unsigned day = minute_of_week / RULE_MINUTES_OF_DAY % 7;
    unsigned minute = minute_of_week % RULE_MINUTES_OF_DAY;
    if (when->hour_count == 0) {
        return day_is_meant(when, day);
    }
    for (size_t i = 0; i < when->hour_count; i++) {
        const struct rule_hours *hours = &when->hours[i];
        bool since_yesterday = hours->to <= hours->from && minute < hours->from;
        if (is_in(hours, minute) && day_is_meant(when, since_yesterday ? (day + 6) % 7 : day)) {
            return true;
        }
    }
    return false;
}

static bool asker_holds(const struct rule_when *when, const struct rule_asker *asker)
{
    if (when->key_count > 0 && !rule_text_matches(asker->key_name, when->keys, when->key_count)) {
        return false;
    }
    if ((when->hour_count > 0 || when->days != 0) && !time_holds(when, asker->minute)) {
        return false;
    }
    for (size_t i = 0; i < when->word_count; i++) {
        const struct rule_word *word = &when->words[i];
        struct slice text = asker->look_up(asker->owner, word);
        if (text.ptr == NULL || !rule_text_matches(text, word->values, word->value_count)) {
            return false;
        }
    }
    return true;
}

uint64_t rules_of_asker(const struct rule *rules, size_t count, const struct rule_asker *asker)
{
    uint64_t possible = 0;
    for (size_t i = 0; i < count && i < RULES_MAX; i++) {
        possible |= (uint64_t)asker_holds(&rules[i].when, asker) << i;
    }
    return possible;
}

/* --- what is asked --- */

static bool task_holds(const struct rule_when *when, const struct classification *classification)
{
    return (when->tasks == 0 || (when->tasks >> classification->task & 1) != 0) &&
           classification->complexity >= when->min_complexity &&
           classification->complexity <= when->max_complexity;
}

static bool features_hold(const struct rule_when *when, const struct features *features)
{
    int64_t tokens = features->tokens.expected;
    return tokens >= when->min_tokens && tokens <= when->max_tokens &&
           (when->languages == 0 || (when->languages >> features->language & 1u) != 0) &&
           (when->tools < 0 || (features->tools > 0) == (when->tools > 0));
}

const struct rule *rule_of_request(const struct rule *rules, size_t count, uint64_t possible,
                                   const struct features *features,
                                   const struct classification *classification, bool stream,
                                   unsigned pressure)
{
    for (size_t i = 0; i < count && i < RULES_MAX; i++) {
        const struct rule_when *when = &rules[i].when;
        if ((possible >> i & 1) != 0 && task_holds(when, classification) &&
            features_hold(when, features) && pressure >= when->pressure &&
            (when->stream < 0 || stream == (when->stream > 0))) {
            return &rules[i];
        }
    }
    return NULL;
}
