/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/reasoning_details.h"

#include "tests/unit/dialect/fixture.h"

static void expect_list(const char *const *elements, bool fragment, const char *wanted)
{
    struct reasoning_details details;
    reasoning_details_init(&details, FIXTURE_LIMIT);
    for (size_t i = 0; elements[i] != NULL; i++) {
        EXPECT(reasoning_details_add(&details, slice_from_cstr(elements[i]), fragment));
    }
    EXPECT_SLICE(buf_slice(&details.list), wanted);
    reasoning_details_release(&details);
}

static void joins_fragments(void)
{
    static const char *const parts[] = {
        "{\"type\":\"reasoning.text\",\"text\":\"a\",\"signature\":null,\"index\":0,\"id\":\"x\"}",
        "{\"type\":\"reasoning.text\",\"text\":\"b\\\"\",\"index\":0}",
        "{\"type\":\"reasoning.text\",\"text\":\"\",\"signature\":\"S\",\"index\":0}",
        "{\"type\":\"reasoning.text\",\"text\":\"new\",\"index\":0}",
        "{\"type\":\"reasoning.text\",\"text\":\"other\",\"index\":1}",
        "{\"type\":\"reasoning.encrypted\",\"data\":\"D\",\"index\":1}",
        "{\"type\":\"reasoning.summary\",\"summary\":\"s\"}",
        "{\"type\":\"reasoning.summary\",\"summary\":\"t\"}",
        NULL};
    expect_list(parts, true,
                "{\"type\":\"reasoning.text\",\"index\":0,\"id\":\"x\",\"text\":\"ab\\\"\","
                "\"signature\":\"S\"},"
                "{\"type\":\"reasoning.text\",\"index\":0,\"text\":\"new\"},"
                "{\"type\":\"reasoning.text\",\"index\":1,\"text\":\"other\"},"
                "{\"type\":\"reasoning.encrypted\",\"data\":\"D\",\"index\":1},"
                "{\"type\":\"reasoning.summary\",\"summary\":\"st\"}");
}

static void keeps_whole_elements(void)
{
    static const char *const parts[] = {"{\"type\":\"reasoning.text\", \"text\":\"a\",\"index\":0}",
                                        "{\"type\":\"reasoning.text\",\"text\":\"b\",\"index\":0}",
                                        NULL};
    expect_list(parts, false,
                "{\"type\":\"reasoning.text\", \"text\":\"a\",\"index\":0},"
                "{\"type\":\"reasoning.text\",\"text\":\"b\",\"index\":0}");
}

static void refuses_what_is_no_element(void)
{
    struct reasoning_details details;
    reasoning_details_init(&details, 40);
    EXPECT(!reasoning_details_add(&details, SLICE("[]"), true));
    EXPECT(!reasoning_details_add(&details, SLICE("{"), true));
    EXPECT(reasoning_details_add(&details, SLICE("{\"a\":1}"), true));
    EXPECT(!reasoning_details_add(
        &details, SLICE("{\"type\":\"reasoning.text\",\"text\":\"beyond the limit\"}"), true));
    EXPECT(details.list.failed);
    EXPECT(!reasoning_details_add(&details, SLICE("{\"a\":1}"), true));
    reasoning_details_release(&details);
}

/* --- what clients cannot be told --- */

static void expect_unsaid(enum dialect_id front, const struct event *event, const char *wanted)
{
    struct slice name = dialect_of(front)->unsaid(event);
    EXPECT_SLICE(name, wanted);
}

static void names_what_a_dialect_cannot_say(void)
{
    const struct event image = {.kind = EVENT_IMAGE, .text = SLICE("iVBO")};
    const struct event linked = {.kind = EVENT_IMAGE, .id = SLICE("https://a")};
    const struct event cited = {.kind = EVENT_CITATION, .name = SLICE("a title")};
    const struct event odds = {.kind = EVENT_LOGPROBS, .text = SLICE("[]")};
    const struct event seal = {
        .kind = EVENT_SIGNATURE, .text = SLICE("S"), .maker = DIALECT_GEMINI};
    const struct event own_seal = {.kind = EVENT_SIGNATURE, .text = SLICE("S"), .id = SLICE("c")};
    const struct event hidden = {.kind = EVENT_OPAQUE, .text = SLICE("D")};
    const struct event call = {.kind = EVENT_TOOL_CALL, .id = SLICE("c")};
    const struct event thought = {.kind = EVENT_REASONING, .text = SLICE("hm")};
    const struct event refusal = {.kind = EVENT_REFUSAL, .text = SLICE("no")};
    expect_unsaid(DIALECT_ANTHROPIC, &image, "images");
    expect_unsaid(DIALECT_OPENAI_COMPLETIONS, &image, "images");
    expect_unsaid(DIALECT_GEMINI, &image, "");
    expect_unsaid(DIALECT_OPENAI_CHAT, &linked, "");
    expect_unsaid(DIALECT_OPENAI_RESPONSES, &linked, "images");
    expect_unsaid(DIALECT_OLLAMA, &linked, "images");
    expect_unsaid(DIALECT_OLLAMA, &image, "");
    expect_unsaid(DIALECT_OPENAI_CHAT, &cited, "citations");
    expect_unsaid(DIALECT_OPENAI_RESPONSES, &cited, "citations");
    expect_unsaid(DIALECT_ANTHROPIC, &cited, "citations");
    expect_unsaid(DIALECT_GEMINI, &cited, "");
    expect_unsaid(DIALECT_ANTHROPIC, &odds, "logprobs");
    expect_unsaid(DIALECT_OLLAMA, &odds, "logprobs");
    expect_unsaid(DIALECT_ANTHROPIC, &seal, "reasoning_signature");
    expect_unsaid(DIALECT_GEMINI, &seal, "reasoning_signature");
    expect_unsaid(DIALECT_OPENAI_CHAT, &seal, "");
    expect_unsaid(DIALECT_OPENAI_CHAT, &own_seal, "");
    expect_unsaid(DIALECT_OPENAI_CHAT, &hidden, "reasoning_encrypted");
    expect_unsaid(DIALECT_OLLAMA, &hidden, "reasoning_encrypted");
    expect_unsaid(DIALECT_OPENAI_COMPLETIONS, &call, "tool_calls");
    expect_unsaid(DIALECT_OPENAI_COMPLETIONS, &thought, "reasoning");
    expect_unsaid(DIALECT_OPENAI_COMPLETIONS, &refusal, "");
    expect_unsaid(DIALECT_ANTHROPIC, &call, "");
}

int main(void)
{
    TEST(joins_fragments, "fragments of a stream become the elements that they are of");
    TEST(keeps_whole_elements, "elements of a whole answer stay as they are");
    TEST(refuses_what_is_no_element, "refuses what is no element, and what does not fit");
    TEST(names_what_a_dialect_cannot_say, "each dialect names what it cannot tell a client");
    return tap_done();
}
