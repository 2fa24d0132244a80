/* SPDX-License-Identifier: Apache-2.0 */
/* Is there an answer at all, does it answer, is it whole? And whether its sums come out. */
#include "route/arithmetic.h"
#include "route/check.h"

#define REFUSAL_LOOKED_AT 240u /* a refusal says so at once */
#define REFUSAL_LENGTH_MAX 900u
#define SUMS_LOOKED_AT ((size_t)64 << 10)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

enum check_result check_empty(const struct checked_answer *answer)
{
    if (answer->call_count > 0 || answer->carries) {
        return CHECK_PASSED;
    }
    for (size_t i = 0; i < answer->text.len; i++) {
        if (!is_blank(answer->text.ptr[i])) {
            return CHECK_PASSED;
        }
    }
    return CHECK_FAILED; /* so far, if it goes on: nothing speaks for it yet */
}

/* How refusals begin, in lower case; an apostrophe stands for the typographic one, too. */
static const char *const refusals[] = {
    "i can't assist",
    "i can't help",
    "i can't provide",
    "i can't comply",
    "i can't fulfill",
    "i can't do that",
    "i can't answer",
    "i cannot assist",
    "i cannot help",
    "i cannot provide",
    "i cannot comply",
    "i cannot fulfill",
    "i cannot answer",
    "i am unable to",
    "i'm unable to",
    "i am not able to",
    "i'm not able to",
    "i won't be able to",
    "i must decline",
    "i have to decline",
    "as an ai language model, i can",
    "as an ai model, i can",
    "as an ai, i can",
    "i'm sorry, but i can",
    "i am sorry, but i can",
    "i apologize, but i can",
    "sorry, i can't",
    "sorry, but i can't",
    "ich kann dabei nicht helfen",
    "es tut mir leid, aber",
    "dabei kann ich nicht helfen",
    "je ne peux pas vous aider",
    "je suis désolé, mais je ne peux",
    "désolé, je ne peux pas",
    "lo siento, pero no puedo",
    "no puedo ayudarte con",
    "mi dispiace, ma non posso",
    "desculpe, mas não posso",
    "sinto muito, mas não posso",
    "het spijt me, maar ik kan",
    "извините, но я не могу",
    "к сожалению, я не могу",
    "抱歉，我无法",
    "对不起，我不能",
    "申し訳ありませんが、",
    "죄송하지만",
};

/* Lower case of ASCII, the typographic apostrophe as the plain one. */
static size_t fold(struct slice text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < size; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == 0xE2 && text.len - i > 2 && (unsigned char)text.ptr[i + 1] == 0x80 &&
            (unsigned char)text.ptr[i + 2] == 0x99) {
            out[len++] = '\'';
            i += 2;
        } else {
            out[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
    }
    return len;
}

static bool holds(struct slice text, struct slice words)
{
    for (size_t i = 0; i + words.len <= text.len; i++) {
        if (memcmp(text.ptr + i, words.ptr, words.len) == 0) {
            return true;
        }
    }
    return false;
}

/* A long answer that begins with a doubt is an answer. */
enum check_result check_refusal(const struct checked_answer *answer)
{
    char folded[REFUSAL_LOOKED_AT];
    if (answer->refused || answer->finish == FINISH_REFUSAL ||
        answer->finish == FINISH_CONTENT_FILTER) {
        return CHECK_FAILED;
    }
    if (answer->call_count > 0 || answer->text.len > REFUSAL_LENGTH_MAX) {
        return CHECK_PASSED;
    }
    struct slice begin = slice_of(folded, fold(answer->text, folded, sizeof(folded)));
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (holds(begin, slice_from_cstr(refusals[i]))) {
            return CHECK_FAILED;
        }
    }
    return answer->text.len > 0 ? CHECK_PASSED : CHECK_SILENT;
}

enum check_result check_truncated(const struct checked_answer *answer)
{
    if (answer->finish != FINISH_LENGTH) {
        return answer->finish == FINISH_NONE ? CHECK_SILENT : CHECK_PASSED;
    }
    return answer->limited ? CHECK_SILENT : CHECK_FAILED; /* nobody could say more within it */
}

enum check_result check_arithmetic(const struct checked_answer *answer)
{
    struct arithmetic sums;
    struct slice text = answer->text;
    if (text.len > SUMS_LOOKED_AT) {
        text.len = SUMS_LOOKED_AT;
    }
    arithmetic_check(text, &sums);
    return sums.wrong > 0 ? CHECK_FAILED : sums.right > 0 ? CHECK_PASSED : CHECK_SILENT;
}
