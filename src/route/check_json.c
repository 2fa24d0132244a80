/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that must be JSON, of a schema or not, and arguments of tools. */
#include "route/check.h"
#include "route/json_schema.h"

#define JSON_BYTES_MAX ((size_t)1 << 20)

static const struct json_limits limits = {.depth = 64, .nodes = 100000};

/* JSON in a fence is meant as JSON, and what wants JSON does not read it: it is judged as it is. */
static bool parse(struct json_doc *doc, struct slice text)
{
    struct error error;
    return json_parse(doc, text, &limits, &error);
}

static bool is_wanted(const struct checked_answer *answer)
{
    return answer->format != FORMAT_TEXT && answer->call_count == 0 &&
           answer->text.len <= JSON_BYTES_MAX;
}

enum check_result check_json(const struct checked_answer *answer)
{
    if (!is_wanted(answer)) {
        return CHECK_SILENT;
    }
    struct json_doc doc;
    json_doc_init(&doc);
    bool ok = parse(&doc, answer->text) &&
              (answer->format != FORMAT_JSON_OBJECT || json_is(&doc, JSON_ROOT, JSON_OBJECT));
    json_doc_release(&doc);
    return ok ? CHECK_PASSED : CHECK_FAILED;
}

/* Text against schema, both not parsed yet. */
static enum check_result fits(struct slice text, struct slice schema)
{
    struct json_doc value;
    struct json_doc rules;
    enum check_result result = CHECK_SILENT;
    json_doc_init(&value);
    json_doc_init(&rules);
    if (text.len > JSON_BYTES_MAX) {
        result = CHECK_SILENT;
    } else if (!parse(&value, text)) {
        result = CHECK_FAILED;
    } else if (schema.len > 0 && schema.len <= JSON_BYTES_MAX && parse(&rules, schema)) {
        switch (json_schema_fits(&rules, JSON_ROOT, &value, JSON_ROOT)) {
        case SCHEMA_FITS:
            result = CHECK_PASSED;
            break;
        case SCHEMA_BROKEN:
            result = CHECK_FAILED;
            break;
        case SCHEMA_UNDECIDED:
            break;
        }
    }
    json_doc_release(&value);
    json_doc_release(&rules);
    return result;
}

enum check_result check_schema(const struct checked_answer *answer)
{
    return is_wanted(answer) && answer->schema.len > 0 ? fits(answer->text, answer->schema)
                                                       : CHECK_SILENT;
}

enum check_result check_tool(const struct checked_answer *answer)
{
    enum check_result all = CHECK_SILENT;
    for (size_t i = 0; i < answer->call_count; i++) {
        const struct checked_call *call = &answer->calls[i];
        if (!call->known) {
            return CHECK_FAILED; /* nobody can answer it */
        }
        if (call->custom) {
            continue;
        }
        struct slice arguments = call->arguments.len == 0 ? SLICE("{}") : call->arguments;
        enum check_result one = fits(arguments, call->schema);
        if (one == CHECK_FAILED) {
            return one;
        }
        all = one == CHECK_PASSED ? one : all;
    }
    return all;
}
