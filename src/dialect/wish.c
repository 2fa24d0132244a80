/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/wish.h"

#include "dialect/emulate.h"
#include "dialect/inner.h"
#include "dialect/place.h"

/* Counts of tokens and vectors depend on nothing of this. */
static bool is_answered(const struct chat *chat)
{
    return chat->operation == OPERATION_CHAT || chat->operation == OPERATION_COMPLETION;
}

unsigned wishes_of(const struct chat *chat)
{
    if (!is_answered(chat)) {
        return 0;
    }
    bool format = chat->format != FORMAT_TEXT && chat->schema.ptr == NULL;
    bool choice =
        chat->tool_choice == TOOL_CHOICE_REQUIRED || chat->tool_choice == TOOL_CHOICE_NAMED;
    return (unsigned)(chat->choices > 1) << WISH_CHOICES |
           (unsigned)(chat->stop_count > 0) << WISH_STOP |
           (unsigned)(chat->suffix.len > 0) << WISH_SUFFIX |
           (unsigned)chat->raw_prompt << WISH_RAW | (unsigned)chat->own_template << WISH_TEMPLATE |
           (unsigned)format << WISH_FORMAT | (unsigned)choice << WISH_TOOL_CHOICE;
}

static bool has_blank_stop(const struct chat *chat)
{
    for (size_t i = 0; i < chat->stop_count; i++) {
        if (inner_is_blank(chat->stop[i])) {
            return true;
        }
    }
    return false;
}

bool wishes_has_tool(const struct chat *chat)
{
    bool named = chat->tool_choice == TOOL_CHOICE_NAMED;
    for (size_t i = 0; i < chat->tool_count; i++) {
        const struct chat_tool *tool = &chat->tools[i];
        if (tool->kind != TOOL_OTHER &&
            (!named || inner_equals(tool->name, chat->tool_choice_name))) {
            return true;
        }
    }
    return false;
}

unsigned wishes_missing(const struct chat *chat, enum dialect_id target)
{
    const struct dialect *dialect = dialect_of(target);
    unsigned wishes = wishes_of(chat);
    if (wishes == 0 || chat->dialect == target) {
        return 0;
    }
    unsigned missing = wishes & dialect->lacks;
    bool many = dialect->stops_max > 0 && chat->stop_count > dialect->stops_max;
    if (many || (dialect->stops_need_words && has_blank_stop(chat))) {
        missing |= WISH_BIT(WISH_STOP);
    }
    if ((wishes & WISH_BIT(WISH_TOOL_CHOICE)) != 0 && !wishes_has_tool(chat)) {
        missing |= WISH_BIT(WISH_TOOL_CHOICE); /* a vendor's own tool must be called */
    }
    return missing;
}

unsigned wishes_speakers(const struct chat *chat, bool emulated)
{
    unsigned speakers = 0;
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        unsigned missing = wishes_missing(chat, (enum dialect_id)id);
        if (missing != 0 && emulated) {
            missing &= ~emulation_able(chat, missing);
        }
        bool knows =
            (dialect_of((enum dialect_id)id)->operations & OPERATION_BIT(chat->operation)) != 0;
        speakers |= knows && missing == 0 ? DIALECT_BIT(id) : 0;
    }
    return speakers;
}

/* --- members that only their own dialect knows --- */

static bool always(struct slice raw)
{
    return raw.len > 0;
}

static bool is_true(struct slice raw)
{
    return slice_eq(raw, SLICE("true"));
}

static bool is_filled_list(struct slice raw)
{
    return raw.len > 1 && raw.ptr[0] == '[' && slice_trim(slice_from(raw, 1)).ptr[0] != ']';
}

/* Something else than words: every element is "text", whatever its case, or it is not. */
static bool is_beyond_text(struct slice raw)
{
    while (raw.len > 0) {
        (void)slice_cut(&raw, '"');
        struct slice word = slice_cut(&raw, '"');
        if (word.len > 0 && !slice_eq_nocase(word, SLICE("text")) &&
            !slice_eq_nocase(word, SLICE("modality_unspecified"))) {
            return true;
        }
    }
    return false;
}

struct own_wish {
    unsigned dialect;
    struct slice key;
    bool (*matters)(struct slice raw);
    const char *pointer;
    const char *text;
};

#define OWN_ANSWER "No other dialect can ask for such an answer."
#define OWN_MEMORY "It names something that only the provider keeps."

static const struct own_wish own_wishes[] = {
    {DIALECT_OPENAI_CHAT, SLICE_INIT("response_format"), always, "/response_format/type",
     "No other dialect knows this format of answers."},
    {DIALECT_OPENAI_CHAT, SLICE_INIT("modalities"), is_beyond_text, "/modalities", OWN_ANSWER},
    {DIALECT_OPENAI_CHAT, SLICE_INIT("audio"), always, "/audio", OWN_ANSWER},
    {DIALECT_OPENAI_CHAT, SLICE_INIT("functions"), is_filled_list, "/functions",
     "Functions that are no tools have no form in other dialects."},
    {DIALECT_OPENAI_COMPLETIONS, SLICE_INIT("echo"), is_true, "/echo", OWN_ANSWER},
    {DIALECT_ANTHROPIC, SLICE_INIT("container"), always, "/container", OWN_MEMORY},
    {DIALECT_ANTHROPIC, SLICE_INIT("thread"), always, "/thread", OWN_MEMORY},
    {DIALECT_ANTHROPIC, SLICE_INIT("mcp_servers"), is_filled_list, "/mcp_servers",
     "Only Anthropic calls the tools of such servers."},
    {DIALECT_GEMINI, SLICE_INIT("cachedContent"), always, "/cachedContent", OWN_MEMORY},
    {DIALECT_GEMINI, SLICE_INIT("cached_content"), always, "/cachedContent", OWN_MEMORY},
    {DIALECT_GEMINI, SLICE_INIT("responseModalities"), is_beyond_text,
     "/generationConfig/responseModalities", OWN_ANSWER},
    {DIALECT_GEMINI, SLICE_INIT("response_modalities"), is_beyond_text,
     "/generationConfig/responseModalities", OWN_ANSWER},
    {DIALECT_GEMINI, SLICE_INIT("responseMimeType"), always, "/generationConfig/responseMimeType",
     "No other dialect knows this format of answers."},
    {DIALECT_GEMINI, SLICE_INIT("response_mime_type"), always, "/generationConfig/responseMimeType",
     "No other dialect knows this format of answers."},
};

static bool is_given(const struct chat_extra *extra)
{
    return !slice_eq(extra->value, SLICE("null")) && !slice_eq(extra->value, SLICE("\"\""));
}

static bool own_wishes_check(const struct chat *chat, unsigned target, struct error *error)
{
    for (size_t i = 0; chat->dialect != target && i < chat->extra_count; i++) {
        const struct chat_extra *extra = &chat->extras[i];
        for (size_t j = 0; j < ARRAY_LEN(own_wishes) && is_given(extra); j++) {
            const struct own_wish *wish = &own_wishes[j];
            if (wish->dialect == chat->dialect && slice_eq(wish->key, extra->key) &&
                wish->matters(extra->value)) {
                error_set(error, ERROR_UNSUPPORTED, "untranslatable", "%s", wish->text);
                error_at(error, "%s", wish->pointer);
                return false;
            }
        }
    }
    return true;
}

bool wishes_check(const struct chat *chat, enum dialect_id target, struct error *error)
{
    static const char *const reasons[WISH_COUNT] = {
        [WISH_CHOICES] = "gives one answer at a time",
        [WISH_STOP] = "cannot be told these stop sequences",
        [WISH_SUFFIX] = "cannot fill in the middle of a text",
        [WISH_RAW] = "puts words of its own around every prompt",
        [WISH_TEMPLATE] = "takes nothing to put around the prompt",
        [WISH_FORMAT] = "has no JSON mode without a schema",
        [WISH_TOOL_CHOICE] = "cannot be told to call this tool",
    };
    unsigned missing = wishes_missing(chat, target);
    if (missing == 0) {
        return own_wishes_check(chat, target, error);
    }
    enum wish wish = (enum wish)__builtin_ctz(missing);
    error_set(error, ERROR_UNSUPPORTED, "untranslatable", "The dialect %s %s.",
              dialect_of(target)->name, reasons[wish] == NULL ? "lacks it" : reasons[wish]);
    place_wish(chat, wish, error);
    return false;
}
