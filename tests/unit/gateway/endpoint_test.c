/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include "gateway/metrics.h"

#include "tests/tap.h"

static void rows_are_whole(void)
{
    EXPECT(endpoint_count <
           METRICS_ENDPOINTS); /* the last row of the metrics stands for all unknown paths */
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct endpoint *e = &endpoints[i];
        EXPECT(e->name.len > 0 && e->path.len > 0);
        EXPECT((e->answer != NULL) != e->inference);
        EXPECT(!e->inference || e->access == ACCESS_KEY);
        EXPECT(!e->inference || dialect_of(e->dialect)->read_request != NULL);
        EXPECT(!e->inference || e->method == HTTP_POST_METHOD);
        EXPECT_INT(endpoint_index(e), i);
        EXPECT(!e->prefix || e->path.ptr[e->path.len - 1] == '/');
    }
}

static void finds(void)
{
    static const struct {
        enum http_method method;
        const char *path;
        enum endpoint_match match;
        const char *name;
        const char *rest;
    } rows[] = {
        {HTTP_POST_METHOD, "/v1/chat/completions", ENDPOINT_FOUND, "/v1/chat/completions", ""},
        {HTTP_GET_METHOD, "/v1/chat/completions", ENDPOINT_WRONG_METHOD, NULL, NULL},
        {HTTP_OTHER_METHOD, "/v1/chat/completions", ENDPOINT_WRONG_METHOD, NULL, NULL},
        {HTTP_POST_METHOD, "/v1/chat/completionsx", ENDPOINT_UNKNOWN, NULL, NULL},
        {HTTP_POST_METHOD, "/V1/chat/completions", ENDPOINT_UNKNOWN, NULL, NULL},
        {HTTP_GET_METHOD, "/v1/models", ENDPOINT_FOUND, "/v1/models", ""},
        {HTTP_HEAD_METHOD, "/v1/models", ENDPOINT_FOUND, "/v1/models", ""},
        {HTTP_GET_METHOD, "/v1/models/", ENDPOINT_UNKNOWN, NULL, NULL},
        {HTTP_GET_METHOD, "/v1/models/a/b", ENDPOINT_FOUND, "/v1/models/{id}", "a/b"},
        {HTTP_POST_METHOD, "/sluice/v1/targets/x", ENDPOINT_FOUND, "/sluice/v1/targets/{name}",
         "x"},
        {HTTP_POST_METHOD, "/v1beta/models/a%2Fb:generateContent", ENDPOINT_FOUND,
         "/v1beta/models/{model}:generateContent", "a%2Fb"},
        {HTTP_POST_METHOD, "/v1beta/models/m:streamGenerateContent", ENDPOINT_FOUND,
         "/v1beta/models/{model}:streamGenerateContent", "m"},
        {HTTP_POST_METHOD, "/v1/models/p/m:generateContent", ENDPOINT_FOUND,
         "/v1/models/{model}:generateContent", "p/m"},
        {HTTP_POST_METHOD, "/v1beta/models/:generateContent", ENDPOINT_WRONG_METHOD, NULL, NULL},
        {HTTP_POST_METHOD, "/v1beta/models/m:tuneContent", ENDPOINT_WRONG_METHOD, NULL, NULL},
        {HTTP_GET_METHOD, "/v1beta/models/m", ENDPOINT_FOUND, "/v1beta/models/{model}", "m"},
        {HTTP_POST_METHOD, "/v1/messages/count_tokens", ENDPOINT_FOUND, "/v1/messages/count_tokens",
         ""},
        {HTTP_GET_METHOD, "/sluice/v1/targets/x", ENDPOINT_WRONG_METHOD, NULL, NULL},
        {HTTP_GET_METHOD, "/sluice/v1/targets", ENDPOINT_FOUND, "/sluice/v1/targets", ""},
        {HTTP_GET_METHOD, "/", ENDPOINT_FOUND, "/", ""},
        {HTTP_GET_METHOD, "", ENDPOINT_UNKNOWN, NULL, NULL},
        {HTTP_GET_METHOD, "//livez", ENDPOINT_UNKNOWN, NULL, NULL},
        {HTTP_GET_METHOD, "/livez", ENDPOINT_FOUND, "/livez", ""},
        {HTTP_POST_METHOD, "/livez", ENDPOINT_WRONG_METHOD, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct http_request request = {.method = rows[i].method,
                                             .path = slice_from_cstr(rows[i].path)};
        const struct endpoint *endpoint = NULL;
        struct slice rest = SLICE_EMPTY;
        EXPECT_INT(endpoint_find(&request, &endpoint, &rest), rows[i].match);
        if (rows[i].match == ENDPOINT_FOUND && endpoint != NULL) {
            EXPECT_SLICE(endpoint->name, rows[i].name);
            EXPECT_SLICE(rest, rows[i].rest);
        }
    }
}

/* What shows content, keys, money or switches is for the operator. */
static void administration_is_closed(void)
{
    static const char *const closed[] = {"/sluice/v1/targets", "/sluice/v1/keys",
                                         "/sluice/v1/limits", "/sluice/v1/scopes",
                                         "/sluice/v1/audit"};
    for (size_t i = 0; i < endpoint_count; i++) {
        for (size_t c = 0; c < ARRAY_LEN(closed); c++) {
            if (slice_starts(endpoints[i].path, slice_from_cstr(closed[c]))) {
                EXPECT(endpoints[i].access == ACCESS_ADMIN || endpoints[i].access == ACCESS_OWNER);
                /* Nobody changes keys in front, and only targets are switched there. */
                EXPECT(endpoints[i].access == ACCESS_OWNER ||
                       endpoints[i].method == HTTP_GET_METHOD ||
                       strcmp(closed[c], "/sluice/v1/targets") == 0);
            }
        }
    }
}

int main(void)
{
    TEST(rows_are_whole, "every row says who may use it and what answers");
    TEST(finds, "paths and methods find their endpoint");
    TEST(administration_is_closed, "what administers is not for clients");
    return tap_done();
}
