/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/service.h"

#include "tests/unit/dialect/fixture.h"

#define CHAT(more) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" more "}"
#define MESSAGES(more)                                                                             \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" more \
    "}"
#define GEMINI(more) "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}]" more "}"

static const struct {
    enum dialect_id dialect;
    const char *body;
    const char *dear; /* "": nothing */
} rows[] = {
    {DIALECT_OPENAI_CHAT, CHAT(""), ""},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"auto\""), ""},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"default\""), ""},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"flex\""), ""},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":null"), ""},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"priority\""), "service_tier"},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"pri\\u006frity\""), "service_tier"},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"fast\""), "service_tier"},
    {DIALECT_OPENAI_CHAT, CHAT(",\"service_tier\":\"of next year\""), "service_tier"},
    {DIALECT_OPENAI_CHAT, CHAT(",\"speed\":\"fast\""), ""}, /* not a word of this dialect */
    {DIALECT_OPENAI_RESPONSES, "{\"model\":\"m\",\"input\":\"Hi\",\"service_tier\":\"priority\"}",
     "service_tier"},
    {DIALECT_ANTHROPIC, MESSAGES(",\"service_tier\":\"standard_only\""), ""},
    {DIALECT_ANTHROPIC, MESSAGES(",\"service_tier\":\"auto\""), ""},
    {DIALECT_ANTHROPIC, MESSAGES(",\"speed\":\"standard\""), ""},
    {DIALECT_ANTHROPIC, MESSAGES(",\"speed\":\"fast\""), "speed"},
    {DIALECT_ANTHROPIC, MESSAGES(",\"\\u0073peed\":\"fast\""), "speed"},
    {DIALECT_ANTHROPIC, MESSAGES(",\"speed\":7"), "speed"},
    {DIALECT_ANTHROPIC, MESSAGES(",\"inference_geo\":\"global\""), ""},
    {DIALECT_ANTHROPIC, MESSAGES(",\"inference_geo\":null"), ""},
    {DIALECT_ANTHROPIC, MESSAGES(",\"inference_geo\":\"us\""), "inference_geo"},
    {DIALECT_GEMINI, GEMINI(",\"serviceTier\":\"standard\""), ""},
    {DIALECT_GEMINI, GEMINI(",\"serviceTier\":\"priority\""), "service_tier"},
    {DIALECT_GEMINI, GEMINI(",\"service_tier\":\"priority\""), "service_tier"},
};

static void tells_what_the_usual_price_does_not_pay_for(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct request request;
        request_read(&request, rows[i].dialect, slice_from_cstr(rows[i].body));
        EXPECT(request.ok);
        EXPECT_SLICE(chat_dear_service(&request.chat, true), rows[i].dear);
        bool kept = slice_eq(chat_dear_service(&request.chat, false), SLICE("service_tier"));
        EXPECT(kept == (strcmp(rows[i].dear, "service_tier") == 0));
        request_release(&request);
    }
}

int main(void)
{
    TEST(tells_what_the_usual_price_does_not_pay_for,
         "tells what the usual price does not pay for, in each dialect's words");
    return tap_done();
}
