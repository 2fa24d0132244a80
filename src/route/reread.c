/* SPDX-License-Identifier: Apache-2.0 */
#include "route/reread.h"

#include <string.h>

#define HARDLY_ANY 8 /* one byte in so many is left */

static size_t change_text(char *text, size_t len, void *context)
{
    return text_set_aside(text, len, context);
}

/* Nothing is known of the rest but that it is hardly any of what was read. */
static void leave_open(struct classification *second)
{
    second->task = TASK_OTHER;
    second->reason = "no rule matched";
    second->confidence = 0;
    second->complexity = 1;
    judge_task(TASK_OTHER, &second->judged);
}

/* The request may stand in the middle, which nobody reads. */
static bool is_hidden_in(const struct features *whole, const struct features *rest, unsigned kinds)
{
    return (kinds & ASIDE_REPEATED) != 0 && whole->user_bytes > whole->user_len &&
           rest->user_len * HARDLY_ANY < whole->user_len;
}

static void read_again(const struct text_model *model, const struct route *route,
                       const struct chat *chat, const struct features *features,
                       struct classification *classification)
{
    struct features rest;
    struct classification second;
    unsigned kinds = 0;
    features_extract_changed(chat, change_text, &kinds, &rest);
    if (kinds == 0) {
        return;
    }
    classify_text(model, &rest, &second);
    if (second.task == classification->task && kinds == ASIDE_QUOTATIONS) {
        return; /* without what it is about a request gives more doubt, and nothing else */
    }
    if (second.task != TASK_OTHER) {
        second.complexity = complexity_of(features, second.task);
    } else if (is_hidden_in(features, &rest, kinds)) {
        leave_open(&second);
    } else {
        return;
    }
    if (required_tier(route, &second) > required_tier(route, classification)) {
        *classification = second;
        classification->set_aside = (uint8_t)kinds;
    }
}

void reread(const struct text_model *model, const struct route *route, const struct chat *chat,
            const struct features *features, struct classification *classification)
{
    classification->set_aside = 0;
    if (features->user_len > 0 && !features->completion && !features->suffix &&
        required_tier(route, classification) < TIER_PREMIUM &&
        text_may_mislead(features, classification->by_model && classification->repeats)) {
        read_again(model, route, chat, features, classification);
    }
}

const char *aside_name(unsigned set_aside)
{
    static const char *const names[ASIDE_KINDS] = {
        "",
        "quotations",
        "repeated words",
        "quotations and repeated words",
        "look-alike letters",
        "quotations and look-alike letters",
        "repeated words and look-alike letters",
        "quotations, repeated words and look-alike letters",
    };
    return names[set_aside % ASIDE_KINDS];
}
