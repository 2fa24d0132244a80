/* SPDX-License-Identifier: Apache-2.0 */
/* Results towards Gemini that no tidy conversation has: marked ones, and far too many. */
#include "tests/unit/dialect/fixture.h"

static bool write_gemini(const struct request *request, struct buf *out, struct loss *loss,
                         struct error *error)
{
    const struct request_change change = {.model = SLICE("gemini-3.8-flash")};
    return dialect_of(DIALECT_GEMINI)->write_request(&request->chat, &change, out, loss, error);
}

static void marks_on_calls_and_results_are_listed(void)
{
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    request_read(&request, DIALECT_ANTHROPIC,
                 SLICE("{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                       "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\","
                       "\"name\":\"f\",\"input\":{},\"cache_control\":{\"type\":\"ephemeral\"}}]},"
                       "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                       "\"tool_use_id\":\"t\",\"content\":\"1\"}]}]}"));
    EXPECT(request.ok && write_gemini(&request, &out, &loss, &error));
    EXPECT(slice_find_slice(slice_of(loss.text, loss.len), SLICE("messages.1.cache_control")) !=
           SIZE_MAX);
    request_release(&request);
    buf_release(&out);
}

static size_t count_of(struct slice text, struct slice word)
{
    size_t count = 0;
    for (size_t at; (at = slice_find_slice(text, word)) != SIZE_MAX; count++) {
        text = slice_from(text, at + word.len);
    }
    return count;
}

static void too_many_results_go_as_they_came(void)
{
    enum { RESULTS = 2000 };
    struct request request;
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    buf_append_cstr(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                           "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"t\",\"type\":"
                           "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}");
    for (int i = 0; i < RESULTS; i++) {
        buf_printf(&body, ",{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":\"%d\"}", i);
    }
    buf_append_cstr(&body, "]}");
    request_read(&request, DIALECT_OPENAI_CHAT, buf_slice(&body));
    EXPECT(request.ok && write_gemini(&request, &out, &loss, &error));
    EXPECT_INT(count_of(buf_slice(&out), SLICE("\"functionResponse\"")), RESULTS);
    EXPECT(is_json(buf_slice(&out)));
    request.chat.messages[RESULTS / 2].parts[0].name = SLICE_EMPTY;
    buf_clear(&out);
    EXPECT(!write_gemini(&request, &out, &loss, &error));
    EXPECT(strcmp(error.code, "untranslatable") == 0);
    request_release(&request);
    buf_release(&body);
    buf_release(&out);
}

int main(void)
{
    TEST(marks_on_calls_and_results_are_listed, "cache marks on calls are listed as lost");
    TEST(too_many_results_go_as_they_came, "more results than a turn can have go as they came");
    return tap_done();
}
