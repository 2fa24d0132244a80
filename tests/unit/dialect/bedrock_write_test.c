/* SPDX-License-Identifier: Apache-2.0 */
/* Requests towards Converse: what the snapshots do not show, because it depends on the model. */
#include "tests/unit/dialect/fixture.h"

#define CLAUDE "us.anthropic.claude-opus-4-5-20251101-v1:0"
#define NEWER_CLAUDE "anthropic.claude-opus-4-6-v1"
#define ASKED "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

struct written {
    struct request request;
    struct buf out;
    struct loss loss;
    struct error error;
    bool ok;
};

static struct request_change change;

static void write_as(struct written *w, enum dialect_id front, const char *model, const char *body)
{
    memset(w, 0, sizeof *w);
    w->out = BUF_INIT(FIXTURE_LIMIT);
    request_read(&w->request, front, slice_from_cstr(body));
    EXPECT(w->request.ok);
    change.model = slice_from_cstr(model);
    w->ok = w->request.ok &&
            dialect_of(DIALECT_BEDROCK)
                ->write_request(&w->request.chat, &change, &w->out, &w->loss, &w->error);
    EXPECT(!w->ok || is_json(buf_slice(&w->out)));
}

static void written_release(struct written *w)
{
    request_release(&w->request);
    buf_release(&w->out);
}

static bool has(const struct buf *text, const char *words)
{
    return slice_find_slice(buf_slice(text), slice_from_cstr(words)) != SIZE_MAX;
}

/* The body holds `words` (NULL: nothing is asked of it), and this was lost. */
static void expect(enum dialect_id front, const char *model, const char *body, const char *words,
                   const char *loss)
{
    struct written w;
    write_as(&w, front, model, body);
    EXPECT(w.ok);
    if (words != NULL && !has(&w.out, words)) {
        printf("# %.*s\n# lacks %s\n", SLICE_ARG(buf_slice(&w.out)), words);
        EXPECT(false);
    }
    EXPECT_SLICE(slice_of(w.loss.text, w.loss.len), loss);
    written_release(&w);
}

static void expect_lacks(enum dialect_id front, const char *model, const char *body,
                         const char *words)
{
    struct written w;
    write_as(&w, front, model, body);
    EXPECT(w.ok && !has(&w.out, words));
    written_release(&w);
}

static void expect_refused(const char *body, const char *pointer)
{
    struct written w;
    write_as(&w, DIALECT_OPENAI_CHAT, CLAUDE, body);
    EXPECT(!w.ok);
    EXPECT_SLICE(slice_from_cstr(w.error.code), "untranslatable");
    EXPECT_SLICE(slice_from_cstr(w.error.pointer), pointer);
    written_release(&w);
}

static void the_path_holds_the_model(void)
{
    struct chat chat = {.operation = OPERATION_CHAT};
    struct buf out = BUF_INIT(1024);
    const struct dialect *dialect = dialect_of(DIALECT_BEDROCK);
    EXPECT(dialect->write_path(&chat, SLICE(CLAUDE), &out));
    EXPECT_SLICE(buf_slice(&out), "/model/us.anthropic.claude-opus-4-5-20251101-v1%3A0/converse");
    buf_clear(&out);
    chat.stream = true;
    EXPECT(dialect->write_path(&chat, SLICE("arn:aws:bedrock:eu-west-1:1:profile/a b~c"), &out));
    EXPECT_SLICE(buf_slice(&out),
                 "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aprofile%2Fa%20b~c/converse-stream");
    buf_release(&out);
}

static void each_family_thinks_in_its_own_words(void)
{
    const char *high = "{\"model\":\"x\"," ASKED ",\"reasoning_effort\":\"high\"}";
    const char *none = "{\"model\":\"x\"," ASKED ",\"reasoning_effort\":\"none\"}";
    expect(DIALECT_OPENAI_CHAT, CLAUDE, high,
           "\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"
           "24576}}",
           "");
    expect(DIALECT_OPENAI_CHAT, NEWER_CLAUDE, high,
           "{\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}}", "");
    expect(DIALECT_OPENAI_CHAT, "amazon.nova-2-lite-v1:0", high,
           "{\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":\"high\"}}", "");
    expect(DIALECT_OPENAI_CHAT, "openai.gpt-oss-120b-1:0", high, "{\"reasoning_effort\":\"high\"}",
           "");
    expect(DIALECT_OPENAI_CHAT, "deepseek.v3-v1:0", high, NULL, "reasoning_effort");
    expect(DIALECT_OPENAI_CHAT, CLAUDE, none, "{\"thinking\":{\"type\":\"disabled\"}}", "");
    expect(DIALECT_OPENAI_CHAT, "amazon.nova-2-lite-v1:0", none,
           "{\"reasoningConfig\":{\"type\":\"disabled\"}}", "");
    expect(DIALECT_OPENAI_CHAT, "openai.gpt-oss-120b-1:0", none, "{\"reasoning_effort\":\"low\"}",
           "");
    expect_lacks(DIALECT_OPENAI_CHAT, "deepseek.v3-v1:0", none, "additional");
    expect(DIALECT_OPENAI_CHAT, "openai.gpt-oss-20b-1:0",
           "{\"model\":\"x\"," ASKED ",\"reasoning_effort\":\"minimal\"}",
           "{\"reasoning_effort\":\"low\"}", "");
    expect(DIALECT_OPENAI_CHAT, "openai.gpt-oss-20b-1:0",
           "{\"model\":\"x\"," ASKED ",\"reasoning_effort\":\"medium\"}",
           "{\"reasoning_effort\":\"medium\"}", "");
    expect(DIALECT_ANTHROPIC, NEWER_CLAUDE,
           "{\"model\":\"x\",\"max_tokens\":9," ASKED ",\"thinking\":{\"type\":\"adaptive\"}}",
           "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}}", "");
}

static void a_budget_fits_below_the_ceiling(void)
{
#define BUDGET(tokens)                                                                             \
    "{\"model\":\"x\",\"max_tokens\":" tokens "," ASKED                                            \
    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}"
    expect(DIALECT_ANTHROPIC, CLAUDE, BUDGET("4000"), "\"budget_tokens\":2000", "");
    expect(DIALECT_ANTHROPIC, CLAUDE, BUDGET("2100"), "\"budget_tokens\":2000", "");
    change.clamp_max_tokens = 2000;
    expect(DIALECT_ANTHROPIC, CLAUDE, BUDGET("4000"), "\"budget_tokens\":1024", "");
    change.clamp_max_tokens = 500;
    expect(DIALECT_ANTHROPIC, CLAUDE, BUDGET("4000"), "\"maxTokens\":500", "reasoning_effort");
    change.clamp_max_tokens = 0;
}

static void thinking_bends_the_sampling(void)
{
#define SAMPLED(more) "{\"model\":\"x\"," ASKED ",\"temperature\":0.5,\"top_p\":0.9" more "}"
    expect(DIALECT_OPENAI_CHAT, CLAUDE, SAMPLED(",\"reasoning_effort\":\"low\""), NULL,
           "temperature,top_p");
    expect(DIALECT_OPENAI_CHAT, CLAUDE, SAMPLED(""), "{\"temperature\":0.5}", "top_p");
    expect(DIALECT_OPENAI_CHAT, "anthropic.claude-opus-4-8-v1",
           "{\"model\":\"x\"," ASKED ",\"temperature\":0.5,\"top_p\":0.9,\"top_k\":3}", NULL,
           "temperature,top_p,top_k");
    expect(DIALECT_OPENAI_CHAT, "meta.llama", SAMPLED(""), "{\"temperature\":0.5,\"topP\":0.9}",
           "");
    expect(DIALECT_OPENAI_CHAT, "meta.llama",
           "{\"model\":\"x\"," ASKED ",\"temperature\":1.5,\"stop\":[\"b\"]}",
           "{\"temperature\":1,\"stopSequences\":[\"b\"]}", "temperature");
    expect(DIALECT_OPENAI_CHAT, CLAUDE, "{\"model\":\"x\"," ASKED ",\"top_k\":5}",
           "\"additionalModelRequestFields\":{\"top_k\":5}", "");
    expect(DIALECT_OPENAI_CHAT, "amazon.nova-lite-v1:0", "{\"model\":\"x\"," ASKED ",\"top_k\":5}",
           "\"additionalModelRequestFields\":{\"inferenceConfig\":{\"topK\":5}}", "");
    expect(DIALECT_OPENAI_CHAT, "meta.llama", "{\"model\":\"x\"," ASKED ",\"top_k\":5}", NULL,
           "top_k");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\"," ASKED ",\"top_k\":5,\"reasoning_effort\":\"low\"}", NULL, "top_k");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\"," ASKED ",\"reasoning_effort\":\"low\",\"tool_choice\":\"required\","
           "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
           "\"toolChoice\":{\"any\":{}}", "reasoning_effort");
}

#define THOUGHT(seal)                                                                              \
    "{\"model\":\"x\",\"max_tokens\":9000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"   \
    "2000},\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],\"messages\":[{"    \
    "\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":[{\"type\":"         \
    "\"thinking\",\"thinking\":\"hm\",\"signature\":\"" seal                                       \
    "\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}]},{\"role\":"           \
    "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":"          \
    "\"b\",\"is_error\":true}]}]}"

static void claude_gets_its_own_thoughts_back(void)
{
    expect(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("Eq"),
           "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"Eq\"}}},{"
           "\"toolUse\":{\"toolUseId\":\"t1\"",
           "");
    expect(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("Eq"), "\"budget_tokens\":2000", "");
    expect(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("Eq"),
           "\"content\":[{\"text\":\"b\"}],\"status\":\"error\"", "");
    /* a seal of ours is none; without the thought a budget is refused */
    expect_lacks(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("sluice.1"), "reasoningContent");
    expect(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("sluice.1"), NULL,
           "reasoning_effort,messages.1.reasoning");
    expect_lacks(DIALECT_ANTHROPIC, "meta.llama", THOUGHT("Eq"), "reasoningContent");
}

static unsigned recalled_dialect;

static bool recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    EXPECT(user == &recalled_dialect);
    *ret_state = (struct opaque_state){.dialect = recalled_dialect,
                                       .reasoning = SLICE("so"),
                                       .signature = SLICE("Er"),
                                       .data = SLICE("RA==")};
    return slice_eq(call_id, SLICE("t1"));
}

static void remembered_thoughts_come_back(void)
{
    change.recall = recall;
    change.recall_user = &recalled_dialect;
    recalled_dialect = DIALECT_BEDROCK;
    expect(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("sluice.1"),
           "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"so\",\"signature\":\"Er\"}}},{"
           "\"reasoningContent\":{\"redactedContent\":\"RA==\"}},{\"toolUse\"",
           "");
    recalled_dialect = DIALECT_ANTHROPIC;
    expect(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("sluice.1"), "\"signature\":\"Er\"}}},{\"toolUse\"",
           "");
    recalled_dialect = DIALECT_GEMINI;
    expect_lacks(DIALECT_ANTHROPIC, CLAUDE, THOUGHT("sluice.1"), "reasoningContent");
    change.recall = NULL;
}

#define CALL(id)                                                                                   \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}"
#define RESULT(id, text) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"" text "\"}"

static void results_stand_in_the_order_of_the_calls(void)
{
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
           "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
           "\"tool_calls\":[" CALL("one") "," CALL("functions.f:1") "]}," RESULT(
               "functions.f:1", "2") "," RESULT("one", "1") "]}",
           "[{\"toolUse\":{\"toolUseId\":\"one\",\"name\":\"f\",\"input\":{}}},{\"toolUse\":{"
           "\"toolUseId\":\"sluice_",
           "");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
           "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
           "\"tool_calls\":[" CALL("one") "," CALL("two") "]}," RESULT("two", "2") "," RESULT(
               "one", "1") ",{\"role\":\"user\",\"content\":\"b\"}]}",
           "[{\"toolResult\":{\"toolUseId\":\"one\",\"content\":[{\"text\":\"1\"}]}},{"
           "\"toolResult\":{\"toolUseId\":\"two\",\"content\":[{\"text\":\"2\"}]}},{\"text\":"
           "\"b\"}]",
           "");
}

static void forbidden_tools_are_left_out_unless_they_were_called(void)
{
    expect_lacks(DIALECT_OPENAI_CHAT, CLAUDE,
                 "{\"model\":\"x\"," ASKED ",\"tool_choice\":\"none\",\"tools\":[{\"type\":"
                 "\"function\",\"function\":{\"name\":\"f\"}}]}",
                 "toolConfig");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
           "\"assistant\",\"tool_calls\":[" CALL("one") "," CALL("two") "]}," RESULT(
               "one", "1") "," RESULT("two", "2") "]}",
           "{\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{"
           "\"type\":\"object\",\"properties\":{}}}}}]},",
           "tool_choice");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\"," ASKED ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
           "\"f\",\"parameters\":{\"properties\":{\"a\":{}}}}}],\"parallel_tool_calls\":false}",
           "{\"json\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}", "parallel_tool_calls");
}

static void instructions_in_the_middle_stay_where_they_are(void)
{
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":"
           "\"assistant\",\"content\":\"hi\"},{\"role\":\"system\",\"content\":\"now\",\"name\":"
           "\"n\"},{\"role\":\"user\",\"content\":\"a\"}]}",
           "{\"system\":[{\"text\":\"s\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
           "\"(The assistant speaks first.)\"}]},{\"role\":\"assistant\",\"content\":[{\"text\":"
           "\"hi\"}]},{\"role\":\"user\",\"content\":[{\"text\":\"now\"},{\"text\":\"a\"}]}]",
           "messages.1.role,messages.2.name,messages.2.role");
}

#define PART(part) "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"
#define IMAGE(url) PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}")
#define FILE_OF(type)                                                                              \
    PART("{\"type\":\"file\",\"file\":{\"filename\":\"a_b.x\",\"file_data\":\"data:" type          \
         ";base64,QQ==\"}}")

static void what_cannot_be_sent_is_refused(void)
{
    expect_refused(IMAGE("https://example.com/a.png"), "/messages/0/content/0");
    expect_refused(IMAGE("data:image/tiff;base64,QQ=="), "/messages/0/content/0");
    expect_refused(FILE_OF("application/zip"), "/messages/0/content/0");
    expect_refused("{\"model\":\"x\"," ASKED ",\"n\":2}", "/n");
    expect_refused("{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\" \"}]}",
                   "/messages");
    expect(DIALECT_OPENAI_CHAT, CLAUDE, FILE_OF("text/csv"),
           "{\"document\":{\"format\":\"csv\",\"name\":\"document 1 a-b-x\",\"source\":{\"bytes\":"
           "\"QQ==\"}}}",
           "");
    expect(DIALECT_OPENAI_CHAT, CLAUDE, IMAGE("data:image/webp;base64,QQ=="),
           "{\"image\":{\"format\":\"webp\",\"source\":{\"bytes\":\"QQ==\"}}}", "");
}

static void five_cache_marks_become_four(void)
{
    struct written w;
#define MARKED "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}"
    write_as(
        &w, DIALECT_ANTHROPIC, CLAUDE,
        "{\"model\":\"x\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" MARKED
        "," MARKED "," MARKED "," MARKED "," MARKED "]}]}");
    size_t count = 0;
    struct slice rest = buf_slice(&w.out);
    for (size_t at; (at = slice_find_slice(rest, SLICE("cachePoint"))) != SIZE_MAX; count++) {
        rest = slice_from(rest, at + 1);
    }
    EXPECT_INT(count, 4);
    EXPECT_SLICE(slice_of(w.loss.text, w.loss.len), "cache_control");
    written_release(&w);
}

static void tiers_and_forms(void)
{
    expect(DIALECT_OPENAI_CHAT, CLAUDE, "{\"model\":\"x\"," ASKED ",\"service_tier\":\"priority\"}",
           "\"serviceTier\":{\"type\":\"priority\"}", "");
    expect_lacks(DIALECT_OPENAI_CHAT, CLAUDE,
                 "{\"model\":\"x\"," ASKED ",\"service_tier\":\"auto\"}", "serviceTier");
    expect(DIALECT_OPENAI_CHAT, CLAUDE, "{\"model\":\"x\"," ASKED ",\"service_tier\":\"scale\"}",
           NULL, "service_tier");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\"," ASKED ",\"response_format\":{\"type\":\"json_schema\","
           "\"json_schema\":{\"name\":\"n\",\"schema\":{\"a\":\"\\\"\"}}}}",
           "\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{"
           "\"jsonSchema\":{\"schema\":\"{\\\"a\\\":\\\"\\\\\\\"\\\"}\",\"name\":\"n\"}}}}",
           "");
    expect(DIALECT_OPENAI_CHAT, CLAUDE,
           "{\"model\":\"x\"," ASKED ",\"seed\":1,\"user\":\"u\",\"logprobs\":true,\"verbosity\":"
           "\"low\",\"frequency_penalty\":1,\"presence_penalty\":1}",
           NULL, "seed,frequency_penalty,presence_penalty,logprobs,verbosity,user");
}

int main(void)
{
    TEST(the_path_holds_the_model, "the path holds the model, encoded, and whether it streams");
    TEST(each_family_thinks_in_its_own_words, "each family thinks in its own words");
    TEST(a_budget_fits_below_the_ceiling, "a budget fits below the ceiling");
    TEST(thinking_bends_the_sampling, "sampling is bent where a model takes less, and it is told");
    TEST(claude_gets_its_own_thoughts_back, "Claude gets its own thoughts back, nobody else's");
    TEST(remembered_thoughts_come_back, "thoughts that the client dropped come back");
    TEST(results_stand_in_the_order_of_the_calls, "results stand in the order of the calls");
    TEST(forbidden_tools_are_left_out_unless_they_were_called,
         "forbidden tools are left out, called ones declared");
    TEST(instructions_in_the_middle_stay_where_they_are,
         "instructions in the middle stay where they are");
    TEST(what_cannot_be_sent_is_refused, "what cannot be sent is refused with its place");
    TEST(five_cache_marks_become_four, "of five cache marks the last four are kept");
    TEST(tiers_and_forms, "tiers, schemas, and what has no word");
    return tap_done();
}
