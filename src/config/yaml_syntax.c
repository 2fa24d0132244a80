/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml names the place where it could not go on, which for an open quote or bracket is far
 * behind the mistake: such errors are shown where the construct begins. Its reader gives an offset
 * in bytes only; the place is counted here.
 */
#include "config/yaml_syntax.h"

#include <stdio.h>

struct explanation {
    const char *problem; /* part of libyaml's text */
    const char *context; /* part of its context, or NULL: any */
    const char *at;      /* the character of the problem, "" is the end of the text, NULL: any */
    bool at_context;     /* the mistake is where the construct begins */
    const char *message;
    const char *hint;
};

/* The first match counts. */
static const struct explanation explanations[] = {
    {"found unexpected end of stream", "quoted scalar", NULL, true, "this quote is never closed",
     "close it on the same line"},
    {"found unexpected document indicator", "quoted scalar", NULL, true,
     "this quote is never closed", "close it on the same line"},
    {"found unknown escape character", NULL, NULL, false, "this escape is unknown in double quotes",
     "write \\\\ for a backslash, or use single quotes"},
    {"did not find expected ',' or '}'", NULL, "", true, "this { is never closed", "add a }"},
    {"did not find expected ',' or ']'", NULL, "", true, "this [ is never closed", "add a ]"},
    {"did not find expected ',' or '}'", NULL, NULL, false,
     "in front of this a comma or } is missing", "members of { ... } are separated by commas"},
    {"did not find expected ',' or ']'", NULL, NULL, false,
     "in front of this a comma or ] is missing", "items of [ ... ] are separated by commas"},
    {"could not find expected ':'", NULL, NULL, true, "a key without a colon",
     "write  key: value  with a space behind the colon"},
    {"mapping values are not allowed", NULL, NULL, false, "a colon where no key can stand",
     "put a value with a colon in quotes; or the line above lacks its colon"},
    {"mapping keys are not allowed", NULL, NULL, false, "a key cannot stand here",
     "begin a new line for a new key"},
    {"did not find expected '-' indicator", NULL, NULL, false, "this is no item of the list above",
     "begin it with \"- \", or give it the indentation of its key"},
    {"did not find expected key", NULL, NULL, false, "this does not fit what stands above it",
     "members of a section begin in the same column; a list item begins with \"- \""},
    {"block sequence entries are not allowed", NULL, NULL, false, "a list item cannot stand here",
     "begin the list on a line of its own below its key"},
    {"found a tab character", NULL, NULL, false, "a tab in the indentation", "indent with spaces"},
    {"found character that cannot start any token", NULL, "\t", false, "a tab in the indentation",
     "indent with spaces"},
    {"found character that cannot start any token", NULL, NULL, false,
     "a value cannot begin with this character", "put the value in quotes"},
    {"did not find expected <document start>", NULL, NULL, false,
     "this stands behind the end of the document", "sections begin in the first column"},
    {"control characters are not allowed", NULL, NULL, false,
     "a control character cannot stand in the file", "remove it"},
    {"UTF-8", NULL, NULL, false, "this is not UTF-8", "save the file as UTF-8"},
};

/* The character at a mark, which counts characters; empty at the end. */
static struct slice character_at(struct slice text, size_t index)
{
    for (; index > 0 && text.len > 0; index--) {
        size_t len = slice_utf8_length(text);
        text = slice_from(text, len == 0 ? 1 : len);
    }
    /* nothing but white space is left: for people this is the end */
    return slice_of(text.ptr, slice_trim(text).len == 0 ? 0 : 1);
}

static bool mentions(const char *text, const char *part)
{
    return part == NULL || (text != NULL && strstr(text, part) != NULL);
}

static bool explains(const struct explanation *known, const yaml_parser_t *parser,
                     struct slice text)
{
    return mentions(parser->problem, known->problem) && mentions(parser->context, known->context) &&
           (known->at == NULL ||
            slice_eq(character_at(text, parser->problem_mark.index), slice_from_cstr(known->at)));
}

static struct yaml_place place_at(const yaml_mark_t *mark)
{
    return (struct yaml_place){
        .line = (unsigned)mark->line + 1, .column = (unsigned)mark->column + 1, .length = 1};
}

/* The place of a byte, as libyaml would count it; or of what is no UTF-8 before it. */
static struct yaml_place place_of_offset(struct slice text, size_t offset)
{
    struct yaml_place place = {.line = 1, .column = 1, .length = 1};
    struct slice rest = text;
    while (rest.len > 0 && (size_t)(rest.ptr - text.ptr) < offset) {
        size_t line_break = diagnostics_line_break(rest);
        size_t len = line_break > 0 ? line_break : slice_utf8_length(rest);
        if (len == 0) {
            break;
        }
        place.line += line_break > 0 ? 1 : 0;
        place.column = line_break > 0 ? 1 : place.column + 1;
        rest = slice_from(rest, len);
    }
    return place;
}

static struct yaml_place place_of_error(const yaml_parser_t *parser, struct slice text,
                                        bool at_context)
{
    if (parser->error == YAML_READER_ERROR) {
        return place_of_offset(text, parser->problem_offset);
    }
    return place_at(at_context && parser->context != NULL ? &parser->context_mark
                                                          : &parser->problem_mark);
}

void yaml_syntax_report(const yaml_parser_t *parser, struct slice text,
                        struct diagnostics *diagnostics)
{
    char message[160];
    for (size_t i = 0; i < ARRAY_LEN(explanations); i++) {
        const struct explanation *known = &explanations[i];
        if (explains(known, parser, text)) {
            diagnostics_add(diagnostics, SEVERITY_ERROR, "syntax",
                            place_of_error(parser, text, known->at_context), known->hint, "%s",
                            known->message);
            return;
        }
    }
    snprintf(message, sizeof(message), "%s",
             parser->problem == NULL ? "the file cannot be read as YAML" : parser->problem);
    diagnostics_add(diagnostics, SEVERITY_ERROR, "syntax", place_of_error(parser, text, false),
                    "check the indentation and the quotes", "%s", message);
}
