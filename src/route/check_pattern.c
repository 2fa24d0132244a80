/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer must say: a regular expression of PCRE2, or one of some choices. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "route/check.h"

#include <pcre2.h>
#include <stdio.h>

#define PATTERN_MAX ((size_t)1024)
#define STEPS_MAX 200000u
#define DEPTH_MAX 2000u
#define HEAP_KB_MAX 4096u
#define LOOKED_AT ((size_t)64 << 10)
#define CHOICE_TAIL ((size_t)400) /* where a longer answer says what it comes to */

struct check_pattern {
    pcre2_code *code;
};

static void *take(PCRE2_SIZE size, void *data)
{
    struct arena *arena = data;
    return arena_alloc(arena, size);
}

/* The arena gives it back. */
static void leave(void *memory, void *data)
{
    (void)memory;
    (void)data;
}

bool check_pattern_compile(struct slice pattern, struct arena *arena,
                           const struct check_pattern **ret_pattern, size_t *ret_offset, char *text,
                           size_t size)
{
    int fault = 0;
    *ret_offset = 0;
    struct check_pattern *compiled = ARENA_NEW(arena, struct check_pattern);
    pcre2_general_context *memory = pcre2_general_context_create(take, leave, arena);
    pcre2_compile_context *context = memory == NULL ? NULL : pcre2_compile_context_create(memory);
    if (compiled == NULL || context == NULL) {
        snprintf(text, size, "out of memory");
        return false;
    }
    if (pattern.len > PATTERN_MAX) {
        snprintf(text, size, "it is longer than %zu bytes", PATTERN_MAX);
        return false;
    }
    compiled->code =
        pcre2_compile((PCRE2_SPTR8)pattern.ptr, pattern.len,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &fault, ret_offset, context);
    if (compiled->code == NULL) {
        pcre2_get_error_message(fault, (PCRE2_UCHAR8 *)text, size);
        return false;
    }
    *ret_pattern = compiled;
    return true;
}

enum check_result check_pattern_search(const struct check_pattern *pattern, struct slice text)
{
    size_t len = text.len > LOOKED_AT ? LOOKED_AT : text.len;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int found = PCRE2_ERROR_NOMEMORY;
    if (match != NULL && limits != NULL) {
        pcre2_set_match_limit(limits, STEPS_MAX);
        pcre2_set_depth_limit(limits, DEPTH_MAX);
        pcre2_set_heap_limit(limits, HEAP_KB_MAX);
        found = pcre2_match(pattern->code, (PCRE2_SPTR8)(len == 0 ? "" : text.ptr), len, 0, 0,
                            match, limits);
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(match);
    return found >= 0 ? CHECK_PASSED : found == PCRE2_ERROR_NOMATCH ? CHECK_FAILED : CHECK_SILENT;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || c == '_';
}

/* As a word of its own. */
static bool says(struct slice text, struct slice choice)
{
    for (size_t i = 0; choice.len > 0 && i + choice.len <= text.len; i++) {
        bool begins = i == 0 || !is_word(text.ptr[i - 1]) || !is_word(choice.ptr[0]);
        size_t end = i + choice.len;
        bool ends =
            end == text.len || !is_word(text.ptr[end]) || !is_word(choice.ptr[choice.len - 1]);
        if (begins && ends && slice_eq_nocase(slice_of(text.ptr + i, choice.len), choice)) {
            return true;
        }
    }
    return false;
}

enum check_result check_choice(const struct check_settings *settings,
                               const struct checked_answer *answer)
{
    struct slice text = slice_trim(answer->text);
    if (settings->choice_count == 0 || answer->call_count > 0) {
        return CHECK_SILENT;
    }
    struct slice begin = slice_of(text.ptr, text.len > CHOICE_TAIL ? CHOICE_TAIL : text.len);
    struct slice end = slice_from(text, text.len > CHOICE_TAIL ? text.len - CHOICE_TAIL : 0);
    for (size_t i = 0; i < settings->choice_count; i++) {
        if (says(begin, settings->choices[i]) || says(end, settings->choices[i])) {
            return CHECK_PASSED;
        }
    }
    return CHECK_FAILED;
}
