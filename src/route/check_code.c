/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the code in an answer parse? Fenced blocks, by the language that the fence names, with the
 * grammars of tree-sitter that were built in (tools/fetch-grammars.sh); JSON always. Nothing is
 * executed. Blocks in other languages, without a name, or with something left out ("...") are not
 * judged.
 */
#include "route/check.h"

#include "codec/json.h"

#ifdef SLUICE_GRAMMARS
#include <tree_sitter/api.h>
#endif

#define BLOCKS_MAX 8
#define CODE_BYTES_MAX ((size_t)16 << 10) /* of all blocks together: some 5 ms */
#define PARSE_US_MAX 5000u                /* of each */

#ifdef SLUICE_GRAMMARS
/* long names: the grammars' own */
const TSLanguage *tree_sitter_python(void);
const TSLanguage *tree_sitter_javascript(void);
const TSLanguage *tree_sitter_c(void);
const TSLanguage *tree_sitter_go(void);
const TSLanguage *tree_sitter_java(void);

static const struct {
    const char *word;
    const TSLanguage *(*grammar)(void);
} grammars[] = {
    {"python", tree_sitter_python},
    {"py", tree_sitter_python},
    {"python3", tree_sitter_python},
    {"javascript", tree_sitter_javascript},
    {"js", tree_sitter_javascript},
    {"jsx", tree_sitter_javascript},
    {"mjs", tree_sitter_javascript},
    {"c", tree_sitter_c},
    {"h", tree_sitter_c},
    {"go", tree_sitter_go},
    {"golang", tree_sitter_go},
    {"java", tree_sitter_java},
};

const char *check_code_language(size_t index)
{
    return index < ARRAY_LEN(grammars)    ? grammars[index].word
           : index == ARRAY_LEN(grammars) ? "json"
                                          : NULL;
}

static enum check_result parse_with(const TSLanguage *language, struct slice code)
{
    TSParser *parser = ts_parser_new();
    enum check_result result = CHECK_SILENT;
    if (parser == NULL) {
        return result;
    }
    ts_parser_set_timeout_micros(parser, PARSE_US_MAX);
    if (ts_parser_set_language(parser, language)) {
        TSTree *tree = ts_parser_parse_string(parser, NULL, code.ptr, (uint32_t)code.len);
        if (tree != NULL) { /* NULL: it takes too long */
            result = ts_node_has_error(ts_tree_root_node(tree)) ? CHECK_FAILED : CHECK_PASSED;
            ts_tree_delete(tree);
        }
    }
    ts_parser_delete(parser);
    return result;
}

static enum check_result parse_code(struct slice word, struct slice code)
{
    for (size_t i = 0; i < ARRAY_LEN(grammars); i++) {
        if (slice_eq_nocase(word, slice_from_cstr(grammars[i].word))) {
            return parse_with(grammars[i].grammar(), code);
        }
    }
    return CHECK_SILENT;
}
#else
const char *check_code_language(size_t index)
{
    return index == 0 ? "json" : NULL;
}

static enum check_result parse_code(struct slice word, struct slice code)
{
    (void)word;
    (void)code;
    return CHECK_SILENT;
}
#endif

static enum check_result parse_json(struct slice code)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    bool ok = json_parse(&doc, code, NULL, &error);
    json_doc_release(&doc);
    return ok ? CHECK_PASSED : CHECK_FAILED;
}

/* A line of nothing but dots stands for what the reader knows. */
static bool leaves_out(struct slice code)
{
    while (code.len > 0) {
        struct slice line = slice_trim(slice_cut(&code, '\n'));
        while (line.len > 0 && (line.ptr[0] == '/' || line.ptr[0] == '#' || line.ptr[0] == ' ')) {
            line = slice_from(line, 1);
        }
        if (slice_eq(line, SLICE("...")) || slice_eq(line, SLICE("\xE2\x80\xA6"))) {
            return true;
        }
    }
    return false;
}

/* The next fenced block; false: there is none. *ret_closed: its end is there, too. */
static bool next_block(struct slice *text, struct slice *ret_word, struct slice *ret_code,
                       bool *ret_closed)
{
    while (text->len > 0) {
        struct slice line = slice_trim(slice_cut(text, '\n'));
        if (!slice_starts(line, SLICE("```"))) {
            continue;
        }
        struct slice word = slice_trim(slice_from(line, 3));
        *ret_word = slice_trim(slice_cut(&word, ' '));
        *ret_code = slice_of(text->ptr, 0);
        *ret_closed = false;
        while (text->len > 0) {
            const char *start = text->ptr;
            if (slice_starts(slice_trim(slice_cut(text, '\n')), SLICE("```"))) {
                ret_code->len = (size_t)(start - ret_code->ptr);
                *ret_closed = true;
                return true;
            }
        }
        ret_code->len = (size_t)(text->ptr - ret_code->ptr);
        return true;
    }
    return false;
}

enum check_result check_code(const struct checked_answer *answer)
{
    struct slice text = answer->text;
    struct slice word;
    struct slice code;
    bool closed;
    size_t left = CODE_BYTES_MAX;
    enum check_result all = CHECK_SILENT;
    for (unsigned i = 0; i < BLOCKS_MAX && next_block(&text, &word, &code, &closed); i++) {
        if (word.len == 0 || code.len == 0 || code.len > left || !closed || leaves_out(code)) {
            continue;
        }
        left -= code.len;
        enum check_result one =
            slice_eq_nocase(word, SLICE("json")) ? parse_json(code) : parse_code(word, code);
        if (one == CHECK_FAILED) {
            return one;
        }
        all = one == CHECK_PASSED ? one : all;
    }
    return all;
}
