/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates against counts of a real tokenizer (o200k, counted once, written down here), and the
 * bounds. */
#include "route/features.h"

#include "tests/tap.h"
#include "tests/unit/route/support.h"

static struct features f;

#define FRAMING 16 /* tokens that the estimate adds for one message, at most */

static const struct {
    const char *text;
    int tokens;
} counted[] = {
    {"Hello!", 2},
    {"What is the capital of Australia?", 7},
    {"Explain how photosynthesis works in two short paragraphs for a ten-year-old child.", 16},
    {"def add(a, b):\n    return a + b\n", 12},
    {"SELECT name, total FROM orders WHERE total > 100 ORDER BY name;", 15},
    {"{\"id\": 17, \"name\": \"x\", \"tags\": [1, 2, 3], \"ok\": true}", 29},
    {"The quick brown fox jumps over the lazy dog, while seventeen internationalization "
     "specialists deliberate unhurriedly about tokenization.",
     24},
    {"1234567890 1234567890 1234567890", 14},
    {"$\\frac{6x^2}{3x}$ and $\\sum_{i=1}^{n} i^2$", 25},
    {"https://example.org/a/very/long/path?with=query&and=more#fragment", 19},
    {"Der Übersetzungsdienst wählt für jede Anfrage das günstigste Modell und erklärt seine "
     "Entscheidung ausführlich.",
     21},
    {"Шлюз выбирает самую дешевую модель для каждого запроса и объясняет свое решение "
     "пользователю.",
     22},
    {"请把下面的文字翻译成英文，并且总结主要内容。今天天气很好，我们去公园散步。", 26},
    {"for (int i = 0; i < n; i++) {\n    if (values[i] == wanted) {\n        return i;\n    }\n}\n",
     32},
    {"- apples\n- pears\n- plums\n\n1. first\n2. second\n", 18},
};

static void estimates_are_near_a_real_tokenizer(void)
{
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        support_features(counted[i].text, &f);
        int64_t tokens = counted[i].tokens;
        bool near = f.tokens.expected * 100 >= tokens * 60 &&
                    f.tokens.expected * 100 <= (tokens + FRAMING) * 170;
        if (!near) {
            tap_point_failed = true;
            printf("# %lld for %lld: %.60s\n", (long long)f.tokens.expected, (long long)tokens,
                   counted[i].text);
        }
    }
}

static void bounds_hold(void)
{
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        support_features(counted[i].text, &f);
        EXPECT(f.tokens.low <= counted[i].tokens + FRAMING);
        EXPECT(f.tokens.high >= counted[i].tokens);
        EXPECT(f.tokens.high >= (int64_t)strlen(counted[i].text));
        EXPECT(f.tokens.low <= f.tokens.expected && f.tokens.expected <= f.tokens.high);
    }
}

static void a_long_text_is_extrapolated(void)
{
    static char text[200001];
    static const char sentence[] =
        "The river was high that spring and the bridge was closed for weeks. ";
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] = sentence[i % (sizeof(sentence) - 1)];
    }
    support_features(text, &f);
    /* 15 tokens to each 68 bytes */
    EXPECT(f.tokens.expected > 35000 && f.tokens.expected < 55000);
    EXPECT(f.tokens.high >= 200000);
    EXPECT(f.tokens.low <= 44000);
}

static void every_turn_counts(void)
{
    support_features("Tell me about the tides.", &f);
    int64_t one = f.tokens.expected;
    support_reset();
    for (int i = 0; i < 21; i++) {
        support_add(i % 2 == 0 ? ROLE_USER : ROLE_ASSISTANT, "Tell me about the tides.");
    }
    features_extract(&support.chat, &f);
    EXPECT(f.tokens.expected > 15 * one && f.tokens.expected < 27 * one);
}

/* Up to 512 bytes are read whole; of longer texts the middle is a sample, which moves as the text
 * grows. */
static void more_text_is_never_fewer_tokens(void)
{
    char text[3000];
    int64_t before = 0;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        text[len] = (char)(len % 6 == 5 ? ' ' : 'a' + (int)(len % 23));
        text[len + 1] = 0;
        support_features(text, &f);
        int64_t play = len < 512 ? 0 : f.tokens.expected / 50;
        EXPECT(f.tokens.expected + play >= before);
        before = f.tokens.expected > before ? f.tokens.expected : before;
    }
}

static void attachments_and_tools_count(void)
{
    struct chat_part parts[3] = {
        {.kind = PART_IMAGE, .url = SLICE("https://example.org/a.png")},
        {.kind = PART_AUDIO, .data = SLICE("AAAA")},
        {.kind = PART_FILE, .url = SLICE("https://example.org/a.pdf")},
    };
    struct chat_message message = {.role = ROLE_USER, .parts = parts, .part_count = 1};
    struct chat chat = {.messages = &message, .message_count = 1};
    features_extract(&chat, &f);
    EXPECT(f.tokens.high >= 48169 && f.tokens.expected >= 500);
    message.part_count = 3;
    features_extract(&chat, &f);
    EXPECT(f.tokens.high >= 148169);
    int64_t without = f.tokens.expected;
    struct chat_tool tool = {
        .name = SLICE("find"),
        .raw = SLICE("{\"type\":\"function\",\"function\":{\"name\":\"find\",\"parameters\":{}}}")};
    chat.tools = &tool;
    chat.tool_count = 1;
    features_extract(&chat, &f);
    EXPECT(f.tokens.expected > without + 15);
}

int main(void)
{
    TEST(estimates_are_near_a_real_tokenizer, "estimates are near the counts of a real tokenizer");
    TEST(bounds_hold, "the bounds hold");
    TEST(a_long_text_is_extrapolated, "a long text is extrapolated from its sample");
    TEST(every_turn_counts, "every turn counts");
    TEST(more_text_is_never_fewer_tokens, "more text is never fewer tokens");
    TEST(attachments_and_tools_count, "images, sound, files and tools count");
    support_reset();
    return tap_done();
}
