/* SPDX-License-Identifier: Apache-2.0 */
#include "route/check_weight.h"

#include <stdio.h>

#define NOT_FAILED 0
#define FAILED 1

static const char *const words[CHECK_COUNT][2] = {
    [CHECK_REFUSAL] = {"refusal+", "refusal-"},
    [CHECK_TRUNCATED] = {"truncated+", "truncated-"},
    [CHECK_LANGUAGE] = {"wrong_language+", "wrong_language-"},
    [CHECK_REPETITION] = {"repetition+", "repetition-"},
    [CHECK_ARITHMETIC] = {"arithmetic+", "arithmetic-"},
    [CHECK_CODE] = {"code+", "code-"},
    [CHECK_CONFIDENCE] = {"low_confidence+", "low_confidence-"},
};

bool check_is_opinion(enum answer_check check)
{
    return (unsigned)check < CHECK_COUNT && words[check][FAILED] != NULL;
}

const char *check_weight_word(enum answer_check check, enum check_result result)
{
    if (!check_is_opinion(check) || result == CHECK_SILENT) {
        return "";
    }
    return words[check][result == CHECK_FAILED ? FAILED : NOT_FAILED];
}

static size_t put(char *out, size_t at, struct slice text)
{
    size_t room = at < CHECK_WEIGHT_NAME_MAX ? CHECK_WEIGHT_NAME_MAX - at : 0;
    size_t len = text.len < room ? text.len : room;
    if (len > 0) {
        memcpy(out + at, text.ptr, len);
    }
    return at + len;
}

struct slice check_weight_name(struct slice word, struct slice of, bool is_tag, uint64_t key,
                               char out[CHECK_WEIGHT_NAME_MAX])
{
    char owner[32];
    size_t len = put(out, 0, word);
    if (key != 0) {
        snprintf(owner, sizeof(owner), ",@%llu", (unsigned long long)key);
        len = put(out, len, slice_from_cstr(owner));
    }
    len = put(out, len, is_tag ? SLICE(",#") : SLICE(","));
    len = put(out, len, of);
    return slice_of(out, len);
}

/* The mean so far, moved by what is known under this name. */
static double learn(const struct check_history *history, struct slice word, struct slice of,
                    bool is_tag, double mean)
{
    char name[CHECK_WEIGHT_NAME_MAX];
    struct evidence_counts counts;
    uint64_t tag = evidence_tag(check_weight_name(word, of, is_tag, history->key, name));
    const struct evidence_row *row = evidence_find(history->evidence, tag);
    if (row == NULL || !evidence_read(history->evidence, row, tag, history->target, &counts)) {
        return mean;
    }
    return (counts.good + CHECK_WEIGHT_ANSWERS * mean) /
           (counts.good + counts.bad + CHECK_WEIGHT_ANSWERS);
}

static double weight_of(const struct check_history *history, enum answer_check check,
                        enum check_result result, double prior)
{
    double usual = check_weight(check, result);
    struct slice word = slice_from_cstr(check_weight_word(check, result));
    if (history->evidence == NULL || word.len == 0) {
        return usual;
    }
    double before = probability_of(prior + usual);
    double mean = learn(history, word, slice_from_cstr(task_name(history->task)), false, before);
    if (history->tag.len > 0) {
        mean = learn(history, word, history->tag, true, mean);
    }
    if (mean == before) {
        return usual;
    }
    /* That answers with nothing against them were good is said of the target, and counted in the
       prior: once more for each check that passed, and no failure would outweigh their sum. And a
       failure that turned out to be none is no reason to overlook another one. */
    double most = result == CHECK_PASSED ? usual : 0;
    double weight = log_odds_of(mean) - prior;
    return weight < -CHECK_WEIGHT_MAX ? -CHECK_WEIGHT_MAX : weight > most ? most : weight;
}

void checked_weigh(struct checked *checked, const struct check_history *history, double prior)
{
    struct checked anew = {.log_odds = prior, .worst = CHECK_COUNT};
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        enum check_result result = (enum check_result)checked->results[i];
        checked_add(&anew, (enum answer_check)i, result,
                    weight_of(history, (enum answer_check)i, result, prior));
    }
    *checked = anew;
}
