/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/wish.h"

#include "dialect/place.h"

/* Counts of tokens and vectors depend on nothing of this. */
static bool is_answered(const struct chat *chat)
{
    return chat->operation == OPERATION_CHAT || chat->operation == OPERATION_COMPLETION;
}

unsigned wishes_of(const struct chat *chat)
{
    const struct {
        bool asked;
        unsigned wish;
    } rows[] = {
        {chat->choices > 1, WISH_CHOICES},
        {chat->stop_count > 0, WISH_STOP},
        {chat->suffix.len > 0, WISH_SUFFIX},
        {chat->raw_prompt, WISH_RAW},
        {chat->own_template, WISH_TEMPLATE},
        {chat->format != FORMAT_TEXT && chat->schema.ptr == NULL, WISH_FORMAT},
        {chat->tool_choice == TOOL_CHOICE_REQUIRED || chat->tool_choice == TOOL_CHOICE_NAMED,
         WISH_TOOL_CHOICE},
    };
    unsigned wishes = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows) && is_answered(chat); i++) {
        wishes |= rows[i].asked ? WISH_BIT(rows[i].wish) : 0;
    }
    return wishes;
}

unsigned wishes_speakers(unsigned wishes, enum operation operation)
{
    unsigned speakers = 0;
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        const struct dialect *dialect = dialect_of((enum dialect_id)id);
        bool speaks = (dialect->operations & OPERATION_BIT(operation)) != 0 &&
                      (dialect->lacks & wishes) == 0;
        speakers |= speaks ? DIALECT_BIT(id) : 0;
    }
    return speakers;
}

bool wishes_check(const struct chat *chat, enum dialect_id target, struct error *error)
{
    static const char *const reasons[WISH_COUNT] = {
        [WISH_CHOICES] = "gives one answer at a time",
        [WISH_STOP] = "has no stop sequences",
        [WISH_SUFFIX] = "cannot fill in the middle of a text",
        [WISH_RAW] = "puts words of its own around every prompt",
        [WISH_TEMPLATE] = "takes nothing to put around the prompt",
        [WISH_FORMAT] = "has no JSON mode without a schema",
        [WISH_TOOL_CHOICE] = "cannot be told to call a tool",
    };
    unsigned missing = wishes_of(chat) & dialect_of(target)->lacks;
    if (missing == 0) {
        return true;
    }
    enum wish wish = (enum wish)__builtin_ctz(missing);
    error_set(error, ERROR_UNSUPPORTED, "untranslatable", "The dialect %s %s.",
              dialect_of(target)->name, reasons[wish] == NULL ? "lacks it" : reasons[wish]);
    place_wish(chat, wish, error);
    return false;
}
