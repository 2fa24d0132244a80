/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings: requests, vectors in both forms, answers. */
#include "tests/unit/dialect/fixture.h"

static const struct refusal {
    const char *body;
    const char *code;
    const char *pointer;
} refusals[] = {
    {"{}", "missing_member", "/input"},
    {"{\"input\":7}", "invalid_type", "/input"},
    {"{\"input\":\"\"}", "invalid_value", "/input"},
    {"{\"input\":[]}", "empty_messages", "/input"},
    {"{\"input\":[\"a\",\"\"]}", "invalid_value", "/input/1"},
    {"{\"input\":[\"a\",7]}", "invalid_type", "/input/1"},
    {"{\"input\":[1,\"a\"]}", "invalid_type", "/input"},
    {"{\"input\":[[]]}", "invalid_type", "/input/0"},
    {"{\"input\":[[1,-1]]}", "invalid_type", "/input/0"},
    {"{\"input\":\"x\",\"encoding_format\":7}", "invalid_type", "/encoding_format"},
    {"{\"input\":\"x\",\"encoding_format\":\"int8\"}", "invalid_value", "/encoding_format"},
    {"{\"input\":\"x\",\"dimensions\":\"7\"}", "invalid_type", "/dimensions"},
    {"{\"input\":\"x\",\"dimensions\":0}", "invalid_value", "/dimensions"},
    {"{\"input\":\"x\",\"user\":7}", "invalid_type", "/user"},
    {"{\"input\":\"x\",\"Input\":\"y\"}", "ambiguous_member", "/input"},
    {"{\"input\":\"x\",\"sluice\":7}", "invalid_type", "/sluice"},
};

static void refuses_wrong_requests(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct request r;
        request_read(&r, DIALECT_OPENAI_EMBEDDINGS, slice_from_cstr(refusals[i].body));
        bool same = !r.ok && strcmp(r.error.code, refusals[i].code) == 0 &&
                    strcmp(r.error.pointer, refusals[i].pointer) == 0;
        if (!same) {
            printf("# %s: %s at %s\n", refusals[i].body, r.ok ? "read" : r.error.code,
                   r.error.pointer);
        }
        EXPECT(same);
        request_release(&r);
    }
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct request r;
    buf_append(&body, SLICE("{\"input\":[\"a\""));
    for (int i = 0; i < 2048; i++) {
        buf_append(&body, SLICE(",\"a\""));
    }
    buf_append(&body, SLICE("]}"));
    request_read(&r, DIALECT_OPENAI_EMBEDDINGS, buf_slice(&body));
    EXPECT(!r.ok && strcmp(r.error.code, "invalid_value") == 0);
    request_release(&r);
    buf_release(&body);
}

static void reads_requests(void)
{
    struct request r;
    request_read(&r, DIALECT_OPENAI_EMBEDDINGS,
                 SLICE("{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\","
                       "\"dimensions\":8,\"user\":\"u\",\"session_id\":\"s\"}"));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.operation, OPERATION_EMBEDDING);
    EXPECT_INT(r.chat.message_count, 2);
    EXPECT_SLICE(r.chat.messages[1].parts[0].text, "b");
    EXPECT(r.chat.base64);
    EXPECT_SLICE(r.chat.dimensions, "8");
    EXPECT_SLICE(r.chat.user, "u");
    EXPECT_SLICE(r.chat.session, "s");
    EXPECT_INT(r.chat.needs, CAPABILITY_EMBEDDINGS);
    request_release(&r);
    request_read(&r, DIALECT_OPENAI_EMBEDDINGS, SLICE("{\"input\":[1,2]}"));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.messages[0].parts[0].kind, PART_UNKNOWN);
    request_release(&r);
}

static void edits_only_what_it_must(void)
{
    static const char body[] = "{ \"model\":\"m\",\"sluice\":{}, \"input\" : \"x\",\"provider\":{}"
                               ",\"session_id\":\"s\",\"models\":[]}";
    const struct request_change change = {.model = SLICE("t"), .drop_routing = true};
    struct request r;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    size_t edits;
    request_read(&r, DIALECT_OPENAI_EMBEDDINGS, slice_from_cstr(body));
    EXPECT(dialect_of(DIALECT_OPENAI_EMBEDDINGS)->edit_request(&r.chat, &change, &out, &edits));
    EXPECT_SLICE(buf_slice(&out), "{ \"model\":\"t\",\"input\" : \"x\"}");
    EXPECT_INT(edits, 5);
    buf_clear(&out);
    const struct request_change none = {.clamp_max_tokens = 5};
    EXPECT(dialect_of(DIALECT_OPENAI_EMBEDDINGS)->edit_request(&r.chat, &none, &out, &edits));
    EXPECT_INT(edits, 2);
    request_release(&r);
    buf_release(&out);
}

/* --- writing --- */

static void writes_requests_of_its_own_and_of_others(void)
{
    const struct request_change none = {.drop_routing = true};
    struct chat_part parts[] = {{.kind = PART_TEXT, .text = SLICE("a")},
                                {.kind = PART_IMAGE, .url = SLICE("u")}};
    struct chat_message messages[] = {{.role = ROLE_USER, .parts = parts, .part_count = 1}};
    struct chat_extra extras[] = {{SLICE("session_id"), SLICE("\"s\"")},
                                  {SLICE("odd"), SLICE("1")}};
    struct chat chat = {.operation = OPERATION_EMBEDDING,
                        .dialect = DIALECT_GEMINI,
                        .model = SLICE("own"),
                        .messages = messages,
                        .message_count = 1,
                        .extras = extras,
                        .extra_count = 2};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_EMBEDDINGS);
    EXPECT(dialect->write_request(&chat, &none, &out, &loss, &error));
    EXPECT_SLICE(buf_slice(&out), "{\"model\":\"own\",\"input\":[\"a\"]}");
    EXPECT_SLICE(slice_of(loss.text, loss.len), "session_id,odd");
    EXPECT_SLICE(dialect->request_path(&chat), "/embeddings");
    chat.dialect = DIALECT_OPENAI_EMBEDDINGS;
    buf_clear(&out);
    EXPECT(dialect->write_request(&chat, &none, &out, &loss, &error));
    EXPECT_SLICE(buf_slice(&out), "{\"model\":\"own\",\"input\":[\"a\"],\"odd\":1}");
    messages[0].part_count = 2;
    EXPECT(!dialect->write_request(&chat, &none, &out, &loss, &error));
    EXPECT(strcmp(error.code, "untranslatable") == 0);
    buf_release(&out);
}

/* --- answers --- */

static void answer(const char *body, bool base64, struct buf *out)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_EMBEDDINGS);
    const struct chat chat = {.base64 = base64};
    const struct answer_head head = {.model = SLICE("m"), .chat = &chat};
    struct decoder *decoder = fixture_decoder(dialect);
    struct frame frame;
    if (dialect->decode_answer(decoder, slice_from_cstr(body), &frame) != DECODE_FRAME) {
        buf_append(out, SLICE("malformed"));
    } else if (frame.events[0].kind == EVENT_ERROR) {
        buf_append(out, frame.events[0].text);
    } else if (!dialect->write_answer(&head, &frame, out)) {
        buf_clear(out);
        buf_append(out, SLICE("refused"));
    }
    dialect->decoder_free(decoder);
}

#define EXPECT_ANSWER(body, base64, wanted)                                                        \
    do {                                                                                           \
        struct buf answered = BUF_INIT(FIXTURE_LIMIT);                                             \
        answer((body), (base64), &answered);                                                       \
        EXPECT_SLICE(buf_slice(&answered), (wanted));                                              \
        buf_release(&answered);                                                                    \
    } while (0)

#define ANSWER(vector) "{\"object\":\"list\",\"model\":\"e\",\"data\":[{\"embedding\":" vector "}]}"
#define TOLD(vector)                                                                               \
    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":" vector   \
    "}],\"model\":\"e\",\"usage\":{\"prompt_tokens\":0,\"total_tokens\":0}}"

static void vectors_have_the_form_that_was_asked_for(void)
{
    EXPECT_ANSWER(ANSWER("[1, -2.5,0]"), false, TOLD("[1, -2.5,0]"));
    EXPECT_ANSWER(ANSWER("[1, -2.5,0]"), true, TOLD("\"AACAPwAAIMAAAAAA\""));
    EXPECT_ANSWER(ANSWER("\"AACAPwAAIMAAAAAA\""), false, TOLD("[1,-2.5,0]"));
    EXPECT_ANSWER(ANSWER("\"AACAPwAAIMAAAAAA\""), true, TOLD("\"AACAPwAAIMAAAAAA\""));
    EXPECT_ANSWER(ANSWER("[0.1]"), true, TOLD("\"zczMPQ==\""));
    EXPECT_ANSWER(ANSWER("\"zczMPQ==\""), false, TOLD("[0.100000001]"));
    EXPECT_ANSWER(ANSWER("[0.1,0.2]"), true, TOLD("\"zczMPc3MTD4=\""));
    EXPECT_ANSWER(ANSWER("[]"), true, TOLD("\"\""));
}

static void wrong_vectors_are_no_answer(void)
{
    EXPECT_ANSWER(ANSWER("[1e99]"), true, "refused");
    EXPECT_ANSWER(ANSWER("[\"1\"]"), true, "refused");
    EXPECT_ANSWER(ANSWER("\"AAA\""), false, "refused");
    EXPECT_ANSWER(ANSWER("\"????\""), false, "refused");
    EXPECT_ANSWER(ANSWER("\"AACAfw==\""), false, "refused");
    EXPECT_ANSWER(ANSWER("7"), false, "malformed");
    EXPECT_ANSWER(ANSWER("[1.0000000000000000000000000000000000000000000000000000000000000000]"),
                  true, "refused");
    EXPECT_ANSWER("{\"data\":[7]}", false, "malformed");
    EXPECT_ANSWER("{\"data\":[{\"index\":-1,\"embedding\":[]}]}", false, "malformed");
    EXPECT_ANSWER("{\"data\":[{\"index\":1.5,\"embedding\":[]}]}", false, "malformed");
    EXPECT_ANSWER("{\"data\":7}", false, "malformed");
    EXPECT_ANSWER("[]", false, "malformed");
    EXPECT_ANSWER("<html>", false, "malformed");
    EXPECT_ANSWER("{\"error\":{\"message\":\"Oh.\"}}", false, "Oh.");
}

static void tells_order_and_usage(void)
{
    EXPECT_ANSWER(
        "{\"data\":[{\"index\":1,\"embedding\":[2]},{\"index\":0,\"embedding\":[1]}],"
        "\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}",
        false,
        "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":1,\"embedding\":[2]},"
        "{\"object\":\"embedding\",\"index\":0,\"embedding\":[1]}],\"model\":\"m\","
        "\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}");
}

int main(void)
{
    TEST(refuses_wrong_requests, "wrong requests are refused with a pointer");
    TEST(reads_requests, "texts and token numbers are read");
    TEST(edits_only_what_it_must, "the client's bytes stay but for the listed edits");
    TEST(writes_requests_of_its_own_and_of_others, "requests of other dialects are written");
    TEST(vectors_have_the_form_that_was_asked_for, "vectors have the form that was asked for");
    TEST(wrong_vectors_are_no_answer, "wrong vectors are no answer");
    TEST(tells_order_and_usage, "places and usage are told");
    return tap_done();
}
