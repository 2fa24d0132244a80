/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect/fixture.h"

static struct provider_error read_body(struct decoder *decoder, enum dialect_id id, int status,
                                       const char *body)
{
    struct provider_error error;
    dialect_of(id)->read_error(decoder, status, slice_from_cstr(body), &error);
    return error;
}

static struct decoder *new_decoder(enum dialect_id id)
{
    return dialect_of(id)->decoder_new(FIXTURE_LIMIT);
}

static void reads_the_words_of_providers(void)
{
    struct decoder *d = new_decoder(DIALECT_OPENAI_CHAT);
    struct provider_error e = read_body(
        d, DIALECT_OPENAI_CHAT, 401,
        "{\"error\":{\"message\":\"Incorrect "
        "\\\"key\\\"\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}");
    EXPECT_SLICE(e.message, "Incorrect \\\"key\\\"");
    EXPECT_SLICE(e.type, "invalid_request_error");
    EXPECT_SLICE(e.code, "invalid_api_key");
    EXPECT(!e.context_length && !e.content_filter && !e.quota);
    e = read_body(d, DIALECT_OPENAI_CHAT, 404, "{\"error\":\"model not found\"}");
    EXPECT_SLICE(e.message, "model not found");
    e = read_body(d, DIALECT_OPENAI_CHAT, 422, "{\"detail\":\"bad field\"}");
    EXPECT_SLICE(e.message, "bad field");
    e = read_body(d, DIALECT_OPENAI_CHAT, 400,
                  "[{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID\"}}]");
    EXPECT_SLICE(e.code, "400");
    EXPECT_SLICE(e.message, "m");
    e = read_body(d, DIALECT_OPENAI_CHAT, 400, "{\"message\":\"flat\",\"type\":\"t\"}");
    EXPECT_SLICE(e.message, "flat");
    dialect_of(DIALECT_OPENAI_CHAT)->decoder_free(d);
}

static void never_fails_on_what_it_does_not_understand(void)
{
    static const char *const bodies[] = {
        "", "<html>", "null", "[]", "[1]", "{\"error\":[]}", "{\"error\":{\"message\":5}}"};
    static const enum dialect_id ids[] = {DIALECT_OPENAI_CHAT, DIALECT_OPENAI_COMPLETIONS,
                                          DIALECT_OLLAMA};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct decoder *d = new_decoder(ids[i]);
        for (size_t j = 0; j < ARRAY_LEN(bodies); j++) {
            struct provider_error e = read_body(d, ids[i], 500, bodies[j]);
            EXPECT(e.message.len == 0 && e.type.len == 0 && e.code.len == 0);
            EXPECT(!e.context_length && !e.content_filter && !e.quota);
        }
        dialect_of(ids[i])->decoder_free(d);
    }
}

static void recognises_what_routing_must_know(void)
{
    static const struct {
        enum dialect_id id;
        int status;
        const char *body;
        char class; /* c: context, f: filter, q: quota */
    } cases[] = {
        {DIALECT_OPENAI_CHAT, 400,
         "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"x\"}}", 'c'},
        {DIALECT_OPENAI_CHAT, 400,
         "{\"error\":{\"message\":\"This model's Maximum context length is 8192 tokens\"}}", 'c'},
        {DIALECT_OPENAI_CHAT, 400, "{\"error\":{\"type\":\"exceed_context_size_error\"}}", 'c'},
        {DIALECT_OPENAI_CHAT, 400,
         "{\"error\":{\"message\":\"Provider returned "
         "error\",\"code\":400,\"metadata\":{\"raw\":\"{\\\"message\\\":\\\"prompt "
         "is too long: 9 tokens\\\"}\"}}}",
         'c'},
        {DIALECT_OPENAI_CHAT, 400, "{\"error\":{\"code\":\"content_filter\"}}", 'f'},
        {DIALECT_OPENAI_CHAT, 400, "{\"error\":{\"code\":\"content_policy_violation\"}}", 'f'},
        {DIALECT_OPENAI_CHAT, 429,
         "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}", 'q'},
        {DIALECT_OPENAI_CHAT, 402, "", 'q'},
        {DIALECT_OPENAI_CHAT, 402, "{\"error\":{\"message\":\"Insufficient Balance\"}}", 'q'},
        {DIALECT_OPENAI_CHAT, 429,
         "{\"error\":{\"message\":\"Rate limit reached\",\"code\":\"rate_limit_exceeded\"}}", '-'},
        {DIALECT_OLLAMA, 400, "{\"error\":\"the prompt exceeds the context length\"}", 'c'},
        {DIALECT_OLLAMA, 404, "{\"error\":\"model 'x' not found\"}", '-'},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decoder *d = new_decoder(cases[i].id);
        struct provider_error e = read_body(d, cases[i].id, cases[i].status, cases[i].body);
        EXPECT(e.context_length == (cases[i].class == 'c'));
        EXPECT(e.content_filter == (cases[i].class == 'f'));
        EXPECT(e.quota == (cases[i].class == 'q'));
        dialect_of(cases[i].id)->decoder_free(d);
    }
}

static void expect_error(struct answer_error error, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct buf framed = BUF_INIT(FIXTURE_LIMIT);
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    dialect->write_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    EXPECT(is_json(buf_slice(&out)));
    buf_clear(&out);
    dialect->write_stream_error(&error, &out);
    buf_printf(&framed, "data: %s\n\n", wanted);
    EXPECT(slice_eq(buf_slice(&out), buf_slice(&framed)));
    buf_release(&out);
    buf_release(&framed);
}

static void tells_clients_in_their_shape(void)
{
    expect_error((struct answer_error){.status = 400,
                                       .code = SLICE("invalid_type"),
                                       .message = SLICE("a \"b\"\n"),
                                       .param = SLICE("/messages/0"),
                                       .call_id = SLICE("id-1"),
                                       .detail = SLICE("{\"x\":1}")},
                 "{\"error\":{\"message\":\"a "
                 "\\\"b\\\"\\n\",\"type\":\"invalid_request_error\",\"param\":\"/messages/0\","
                 "\"code\":\"invalid_type\",\"call_id\":\"id-1\",\"sluice\":{\"x\":1}}}");
    expect_error((struct answer_error){.status = 500, .type = SLICE("mine"), .message = SLICE("m")},
                 "{\"error\":{\"message\":\"m\",\"type\":\"mine\",\"param\":null,\"code\":null}}");
}

static void derives_the_type_from_the_status(void)
{
    static const struct {
        int status;
        const char *type;
    } cases[] = {
        {400, "invalid_request_error"}, {401, "authentication_error"},  {402, "insufficient_quota"},
        {403, "permission_error"},      {404, "invalid_request_error"}, {408, "timeout_error"},
        {429, "rate_limit_error"},      {500, "server_error"},          {504, "timeout_error"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char wanted[160];
        (void)snprintf(
            wanted, sizeof wanted,
            "{\"error\":{\"message\":\"\",\"type\":\"%s\",\"param\":null,\"code\":null}}",
            cases[i].type);
        expect_error((struct answer_error){.status = cases[i].status}, wanted);
    }
}

int main(void)
{
    TEST(reads_the_words_of_providers,
         "reads message, type and code wherever a provider puts them");
    TEST(never_fails_on_what_it_does_not_understand, "what is not understood leaves nothing");
    TEST(recognises_what_routing_must_know, "recognises context length, filter and quota");
    TEST(tells_clients_in_their_shape, "writes errors in the client's shape, whole and in streams");
    TEST(derives_the_type_from_the_status, "derives the type from the status");
    return tap_done();
}
