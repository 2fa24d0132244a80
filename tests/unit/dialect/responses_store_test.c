/* SPDX-License-Identifier: Apache-2.0 */
/* Answers kept for later turns, and requests that build on them. */
#include "dialect/responses_store.h"

#include "tests/unit/dialect/fixture.h"

#define CALL "01890a5d-ac96-774b-bcce-b302099a8057"
#define LATER "01890a5d-ac96-774b-bcce-b302099a8058"

static const char text_stream[] =
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{"
    "\"reasoning_content\":\"hm\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\",\"tool_calls\":[{\"index\":0,"
    "\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
    "data: [DONE]\n\n";

/* What is kept of this answer to this request; empty when nothing is. */
static bool keep(const char *call, const char *request_text, const char *stream, struct buf *out)
{
    const struct dialect *back = dialect_of(DIALECT_OPENAI_CHAT);
    struct request request;
    struct frame frame;
    request_read(&request, DIALECT_OPENAI_RESPONSES, slice_from_cstr(request_text));
    EXPECT(request.ok);
    struct answer_head head = {
        .call_id = slice_from_cstr(call), .model = SLICE("m"), .chat = &request.chat};
    struct responses_record *record = responses_record_new(&head);
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct slice bytes = slice_from_cstr(stream);
    while (back->decode(decoder, &bytes, &frame) == DECODE_FRAME) {
        EXPECT(responses_record_frame(record, &frame));
    }
    EXPECT_SLICE(responses_record_key(record), call);
    bool kept = responses_record_finish(record, &request.chat, out);
    responses_record_free(record);
    back->decoder_free(decoder);
    request_release(&request);
    return kept;
}

/* The request with what is stored under `call` (NULL: nothing), or the error's code and pointer. */
static void expand(const char *request_text, const char *call, const char *items, struct buf *out)
{
    struct request request;
    struct slice keys[RESPONSES_STORED_MAX];
    struct responses_stored stored[RESPONSES_STORED_MAX];
    struct error error = {0};
    request_read(&request, DIALECT_OPENAI_RESPONSES, slice_from_cstr(request_text));
    EXPECT(request.ok);
    size_t count = responses_stored_keys(&request.chat, keys, RESPONSES_STORED_MAX);
    for (size_t i = 0; i < count; i++) {
        bool known = call != NULL && slice_eq(keys[i], slice_from_cstr(call));
        stored[i] =
            (struct responses_stored){keys[i], known ? slice_from_cstr(items) : SLICE_EMPTY};
    }
    if (!responses_expand(&request.chat, stored, count, out, &error)) {
        buf_clear(out);
        buf_printf(out, "%s at %s", error.code, error.pointer);
    }
    request_release(&request);
}

static void keeps_the_items_so_far_and_those_of_the_answer(void)
{
    struct buf kept = BUF_INIT(FIXTURE_LIMIT);
    EXPECT(keep(CALL, "{\"model\":\"m\",\"input\":\"Hi\"}", text_stream, &kept));
    EXPECT_SLICE(buf_slice(&kept),
                 "[{\"type\":\"message\",\"role\":\"user\",\"content\":\"Hi\"},"
                 "{\"id\":\"rs_" CALL
                 "_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
                 "\"text\":\"hm\"}],\"encrypted_content\":\"sluice.data.:\"},"
                 "{\"id\":\"msg_" CALL "_1\",\"type\":\"message\",\"status\":\"completed\","
                 "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\","
                 "\"annotations\":[],\"logprobs\":[]}]},"
                 "{\"id\":\"fc_" CALL "_2\",\"type\":\"function_call\",\"status\":\"completed\","
                 "\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"}]");
    buf_clear(&kept);
    EXPECT(keep(CALL,
                "{\"input\":[ {\"role\":\"user\",\"content\":\"a\"} ,\n"
                "{\"role\":\"user\",\"content\":\"b\"} ]}",
                text_stream, &kept));
    EXPECT(slice_starts(buf_slice(&kept), SLICE("[{\"role\":\"user\",\"content\":\"a\"} ,\n{")));
    EXPECT(is_json(buf_slice(&kept)));
    buf_release(&kept);
}

static void keeps_nothing_of_an_answer_that_broke_off(void)
{
    struct buf kept = BUF_INIT(FIXTURE_LIMIT);
    EXPECT(!keep(CALL, "{\"input\":\"Hi\"}",
                 "data: {\"id\":\"x\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n",
                 &kept));
    EXPECT(!keep(CALL, "{\"input\":\"Hi\"}",
                 "data: {\"id\":\"x\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
                 "data: {\"error\":{\"message\":\"gone\"}}\n\n",
                 &kept));
    EXPECT_INT(kept.len, 0);
    struct buf little = BUF_INIT(40);
    EXPECT(!keep(CALL, "{\"input\":\"Hi\"}", text_stream, &little));
    buf_release(&little);
    buf_release(&kept);
    responses_record_free(NULL);
}

static void keeps_answers_to_other_clients_not(void)
{
    struct request request;
    struct answer_head head = {.call_id = SLICE(CALL), .model = SLICE("m")};
    struct buf kept = BUF_INIT(FIXTURE_LIMIT);
    struct slice keys[2];
    request_read(&request, DIALECT_OPENAI_CHAT,
                 SLICE("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"));
    struct responses_record *record = responses_record_new(&head);
    EXPECT(!responses_record_finish(record, &request.chat, &kept));
    EXPECT_INT(responses_stored_keys(&request.chat, keys, 2), 0);
    responses_record_free(record);
    request_release(&request);
    buf_release(&kept);
}

static void knows_its_own_ids(void)
{
    EXPECT(responses_is_own_id(SLICE("resp_" CALL)));
    EXPECT(!responses_is_own_id(SLICE("resp_67ccd2bed1ec8190b14f964abc054267")));
    EXPECT(!responses_is_own_id(SLICE(CALL)));
}

#define EXPECT_EXPANDED(request, call, items, wanted)                                              \
    do {                                                                                           \
        struct buf expanded = BUF_INIT(FIXTURE_LIMIT);                                             \
        expand((request), (call), (items), &expanded);                                             \
        EXPECT_SLICE(buf_slice(&expanded), (wanted));                                              \
        buf_release(&expanded);                                                                    \
    } while (0)

#define STORED "[{\"role\":\"user\",\"content\":\"1\"},{\"role\":\"assistant\",\"content\":\"2\"}]"
#define STORED_INSIDE                                                                              \
    "{\"role\":\"user\",\"content\":\"1\"},{\"role\":\"assistant\",\"content\":\"2\"}"

static void puts_the_stored_items_in_front(void)
{
    EXPECT_EXPANDED("{\"model\":\"m\", \"previous_response_id\":\"resp_" CALL
                    "\",\"input\":\"3\", \"x\": 1}",
                    CALL, STORED,
                    "{\"model\":\"m\", \"input\":[" STORED_INSIDE
                    ",{\"type\":\"message\",\"role\":\"user\",\"content\":\"3\"}], \"x\": 1}");
    EXPECT_EXPANDED("{\"input\":[ {\"role\":\"user\",\"content\":\"3\"} ],"
                    "\"previous_response_id\":\"resp_" CALL "\"}",
                    CALL, STORED,
                    "{\"input\":[" STORED_INSIDE ",{\"role\":\"user\",\"content\":\"3\"}]}");
    EXPECT_EXPANDED("{\"previous_response_id\":\"resp_" CALL "\"}", CALL, STORED,
                    "{\"input\":[" STORED_INSIDE "]}");
    EXPECT_EXPANDED("{\"input\":[],\"previous_response_id\":\"resp_x\"}", "x", STORED,
                    "{\"input\":[" STORED_INSIDE "]}");
    EXPECT_EXPANDED("{\"input\":\"3\",\"previous_response_id\":\"resp_x\"}", "x", "[]",
                    "{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"3\"}]}");
}

static void puts_items_in_the_place_of_references(void)
{
    EXPECT_EXPANDED(
        "{\"input\":[{\"role\":\"user\",\"content\":\"1\"},{\"type\":\"item_reference\","
        "\"id\":\"fc_" CALL "_2\"},{\"type\":\"function_call_output\",\"call_id\":\"c\","
        "\"output\":\"4\"}]}",
        CALL,
        "[{\"role\":\"user\",\"content\":\"1\"},7,{\"id\":\"fc_" CALL
        "_2\",\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
        "\"arguments\":\"{}\"}]",
        "{\"input\":[{\"role\":\"user\",\"content\":\"1\"},{\"id\":\"fc_" CALL
        "_2\",\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
        "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\","
        "\"output\":\"4\"}]}");
    EXPECT_EXPANDED("{\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_67cc\"}]}", NULL, NULL,
                    "{\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_67cc\"}]}");
}

static void says_what_is_not_stored(void)
{
    EXPECT_EXPANDED("{\"input\":\"a\",\"previous_response_id\":\"resp_" CALL "\"}", NULL, NULL,
                    "previous_response_not_found at /previous_response_id");
    EXPECT_EXPANDED("{\"input\":[{\"role\":\"user\",\"content\":\"1\"},"
                    "{\"type\":\"item_reference\",\"id\":\"msg_" CALL "_0\"}]}",
                    CALL, STORED, "item_not_found at /input/1/id");
    EXPECT_EXPANDED("{\"input\":\"a\",\"previous_response_id\":\"resp_" CALL "\"}", CALL, "[{\"a\"",
                    "stored_response_damaged at ");
    EXPECT_EXPANDED("{\"input\":\"a\",\"previous_response_id\":\"resp_" CALL "\"}", CALL, "{}",
                    "stored_response_damaged at ");
}

static void bounds_the_conversation(void)
{
    struct buf little = BUF_INIT(60);
    expand("{\"input\":\"a\",\"previous_response_id\":\"resp_" CALL "\"}", CALL, STORED, &little);
    EXPECT_SLICE(buf_slice(&little), "request_too_large at ");
    buf_release(&little);
}

static void asks_for_the_newest_answers_first(void)
{
    struct request request;
    struct slice keys[3];
    request_read(&request, DIALECT_OPENAI_RESPONSES,
                 SLICE("{\"previous_response_id\":\"resp_p\",\"input\":["
                       "{\"type\":\"item_reference\",\"id\":\"msg_" CALL "_0\"},"
                       "{\"type\":\"item_reference\",\"id\":\"fc_" CALL "_1\"},"
                       "{\"type\":\"item_reference\",\"id\":\"msg_" LATER "_0\"}]}"));
    EXPECT(request.ok);
    EXPECT_INT(responses_stored_keys(&request.chat, keys, 3), 3);
    EXPECT_SLICE(keys[0], "p");
    EXPECT_SLICE(keys[1], LATER);
    EXPECT_SLICE(keys[2], CALL);
    EXPECT_INT(responses_stored_keys(&request.chat, keys, 2), 2);
    EXPECT_SLICE(keys[0], "p");
    EXPECT_SLICE(keys[1], LATER);
    EXPECT_INT(responses_stored_keys(&request.chat, keys, 0), 0);
    request_release(&request);
}

/* Two turns through the store are one conversation for a provider that keeps nothing. */
static void a_conversation_goes_on_elsewhere(void)
{
    struct buf kept = BUF_INIT(FIXTURE_LIMIT);
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct request request;
    struct loss loss = {.len = 0};
    struct error error = {0};
    const struct request_change change = {.replay_reasoning = true};
    EXPECT(keep(CALL, "{\"model\":\"m\",\"input\":\"Hi\"}", text_stream, &kept));
    buf_append_char(&kept, '\0');
    expand("{\"model\":\"m\",\"previous_response_id\":\"resp_" CALL "\",\"input\":["
           "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"7\"}]}",
           CALL, kept.ptr, &body);
    request_read(&request, DIALECT_OPENAI_RESPONSES, buf_slice(&body));
    EXPECT(request.ok);
    EXPECT(dialect_of(DIALECT_OPENAI_CHAT)
               ->write_request(&request.chat, &change, &out, &loss, &error));
    EXPECT_SLICE(buf_slice(&out),
                 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                 "{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":\"Hello\","
                 "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
                 "\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"7\"}]}");
    request_release(&request);
    buf_release(&kept);
    buf_release(&body);
    buf_release(&out);
}

int main(void)
{
    TEST(keeps_the_items_so_far_and_those_of_the_answer,
         "the items so far and those of the answer are kept");
    TEST(keeps_nothing_of_an_answer_that_broke_off, "an answer that broke off is not kept");
    TEST(keeps_answers_to_other_clients_not, "answers to other clients are not kept");
    TEST(knows_its_own_ids, "our own ids are known from a provider's");
    TEST(puts_the_stored_items_in_front, "the stored items go in front of the request's own");
    TEST(puts_items_in_the_place_of_references, "items take the place of references to them");
    TEST(says_what_is_not_stored, "what is not stored is an error with a pointer");
    TEST(bounds_the_conversation, "a conversation beyond the ceiling is an error");
    TEST(asks_for_the_newest_answers_first, "the newest answers are asked for first");
    TEST(a_conversation_goes_on_elsewhere,
         "two turns through the store are one conversation in another dialect");
    return tap_done();
}
