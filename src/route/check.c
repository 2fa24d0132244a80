/* SPDX-License-Identifier: Apache-2.0 */
#include "route/check.h"

#include <math.h>

#define LOG_ODDS_MAX 12.0

static enum check_result pattern_row(const struct check_settings *settings,
                                     const struct checked_answer *answer)
{
    return settings->pattern == NULL || answer->call_count > 0
               ? CHECK_SILENT
               : check_pattern_search(settings->pattern, answer->text);
}

static enum check_result confidence_row(const struct check_settings *settings,
                                        const struct checked_answer *answer)
{
    if (answer->tokens_scored == 0) {
        return CHECK_SILENT;
    }
    return answer->mean_logprob < settings->min_mean_logprob ? CHECK_FAILED : CHECK_PASSED;
}

/* What a result weighs: log of (share of good answers with it / share of poor answers with it).
 * What an answer cannot be used without weighs more than any prior; the others are opinions. */
static const struct {
    const char *code; /* for records; the name follows the prefix */
    double passed;
    double failed;
    enum check_result (*check)(const struct checked_answer *answer);
    enum check_result (*set_check)(const struct check_settings *settings,
                                   const struct checked_answer *answer);
} rows[CHECK_COUNT] = {
    [CHECK_EMPTY] = {"check_empty", 0, -8, check_empty, NULL},
    [CHECK_REFUSAL] = {"check_refusal", 0, -4, check_refusal, NULL},
    [CHECK_TRUNCATED] = {"check_truncated", 0, -4, check_truncated, NULL},
    [CHECK_LANGUAGE] = {"check_wrong_language", 0.1, -4, check_language, NULL},
    [CHECK_REPETITION] = {"check_repetition", 0, -6, check_repetition, NULL},
    [CHECK_JSON] = {"check_invalid_json", 0.3, -8, check_json, NULL},
    [CHECK_SCHEMA] = {"check_invalid_schema", 0.5, -8, check_schema, NULL},
    [CHECK_PATTERN] = {"check_pattern", 0.3, -8, NULL, pattern_row},
    [CHECK_CHOICE] = {"check_choice", 0.3, -8, NULL, check_choice},
    [CHECK_TOOL] = {"check_tool_arguments", 0.5, -8, check_tool, NULL},
    [CHECK_ARITHMETIC] = {"check_arithmetic", 0.4, -3, check_arithmetic, NULL},
    [CHECK_CODE] = {"check_code", 0.4, -5, check_code, NULL},
    [CHECK_CONFIDENCE] = {"check_low_confidence", 0.4, -2.5, NULL, confidence_row},
    [CHECK_LEARNED] = {"check_learned", 0, 0, NULL, NULL},
    [CHECK_JUDGE] = {"check_judge", 0, 0, NULL, NULL},
};

const char *answer_check_code(enum answer_check check)
{
    return (unsigned)check < CHECK_COUNT ? rows[check].code : "check_unknown";
}

const char *answer_check_name(enum answer_check check)
{
    return answer_check_code(check) + strlen("check_");
}

bool answer_check_from_name(struct slice name, enum answer_check *ret_check)
{
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        if (slice_eq(name, slice_from_cstr(answer_check_name((enum answer_check)i)))) {
            *ret_check = (enum answer_check)i;
            return true;
        }
    }
    return false;
}

double check_weight(enum answer_check check, enum check_result result)
{
    return result == CHECK_PASSED   ? rows[check].passed
           : result == CHECK_FAILED ? rows[check].failed
                                    : 0;
}

double log_odds_of(double probability)
{
    if (!(probability > 0)) { /* NaN, too */
        return -LOG_ODDS_MAX;
    }
    double odds = probability >= 1 ? LOG_ODDS_MAX : log(probability / (1 - probability));
    return odds < -LOG_ODDS_MAX ? -LOG_ODDS_MAX : odds > LOG_ODDS_MAX ? LOG_ODDS_MAX : odds;
}

double probability_of(double log_odds)
{
    return 1 / (1 + exp(-log_odds));
}

void checked_add(struct checked *checked, enum answer_check check, enum check_result result,
                 double log_odds)
{
    checked->results[check] = (uint8_t)result;
    checked->log_odds += log_odds;
    if (result != CHECK_FAILED) {
        return;
    }
    if (checked->worst == CHECK_COUNT || log_odds < checked->worst_log_odds) {
        checked->worst = check;
        checked->worst_log_odds = log_odds;
    }
}

void answer_check(const struct check_settings *settings, const struct checked_answer *answer,
                  double prior, struct checked *ret_checked)
{
    uint32_t when = answer->partial ? settings->when & CHECKS_EARLY : settings->when;
    *ret_checked = (struct checked){.log_odds = prior, .worst = CHECK_COUNT};
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        enum answer_check check = (enum answer_check)i;
        if ((when & CHECK_BIT(i)) == 0 || (rows[i].check == NULL && rows[i].set_check == NULL)) {
            continue;
        }
        enum check_result result =
            rows[i].check != NULL ? rows[i].check(answer) : rows[i].set_check(settings, answer);
        checked_add(ret_checked, check, result, check_weight(check, result));
    }
}

bool checked_accepts(const struct checked *checked, const struct check_settings *settings)
{
    return checked->worst == CHECK_COUNT || checked->log_odds >= log_odds_of(settings->threshold);
}
