/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken as feedback, and by which code the rest is refused. */
#include "gateway/feedback.h"

#include "tests/tap.h"

#define ID "\"call_id\":\"0193a4b2-7c1e-7d3f-8a5b-6c7d8e9f0a1b\""
#define LABEL_100                                                                                  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "123456789"

/* The score in millionths, or the code and the member. */
static void reads(const char *body, const char *wanted)
{
    struct feedback feedback;
    struct error error;
    char text[192];
    error_clear(&error);
    if (feedback_read(slice_from_cstr(body), &feedback, &error)) {
        snprintf(text, sizeof(text), "%u %.100s", feedback.score_ppm, feedback.label);
    } else {
        snprintf(text, sizeof(text), "%s %.100s", error.code, error.pointer);
    }
    if (strcmp(text, wanted) != 0) {
        printf("# %s\n# gives %s\n", body, text);
    }
    EXPECT(strcmp(text, wanted) == 0);
}

static void scores(void)
{
    reads("{" ID ",\"score\":0}", "0 ");
    reads("{" ID ",\"score\":1}", "1000000 ");
    reads("{\"score\":0.25," ID "}", "250000 ");
    reads("{" ID ",\"score\":2.5e-1}", "250000 ");
    reads("{" ID ",\"score\":-0.0}", "0 ");
    reads("{" ID ",\"score\":0.12345678901234567890}", "123457 ");
    reads("{" ID ",\"score\":1.1}", "invalid_score /score");
    reads("{" ID ",\"score\":-0.1}", "invalid_score /score");
    reads("{" ID ",\"score\":1e400}", "invalid_score /score");
    reads("{" ID ",\"score\":\"1\"}", "invalid_score /score");
    reads("{" ID ",\"score\":true}", "invalid_score /score");
    reads("{" ID ",\"score\":null}", "invalid_score /score");
    reads("{" ID ",\"score\":[1]}", "invalid_score /score");
    reads("{" ID "}", "invalid_score /score");
    reads("{" ID ",\"score\":NaN}", "invalid_body ");
    reads("{" ID ",\"score\":Infinity}", "invalid_body ");
}

static void calls(void)
{
    reads("{\"score\":1}", "invalid_call_id /call_id");
    reads("{\"call_id\":\"x\",\"score\":1}", "invalid_call_id /call_id");
    reads("{\"call_id\":7,\"score\":1}", "invalid_call_id /call_id");
    reads("{\"call_id\":null,\"score\":1}", "invalid_call_id /call_id");
}

static void labels(void)
{
    reads("{" ID ",\"score\":1,\"label\":\"too \\u0066ar\"}", "1000000 too far");
    reads("{" ID ",\"score\":1,\"label\":null}", "1000000 ");
    reads("{" ID ",\"score\":1,\"label\":\"\"}", "1000000 ");
    reads("{" ID ",\"score\":1,\"label\":\"" LABEL_100 LABEL_100 "\"}", "1000000 " LABEL_100);
    reads("{" ID ",\"score\":1,\"label\":\"" LABEL_100 LABEL_100 "x\"}", "invalid_label /label");
    reads("{" ID ",\"score\":1,\"label\":\"a\\u0000b\"}", "invalid_label /label");
    reads("{" ID ",\"score\":1,\"label\":\"a\\nb\"}", "invalid_label /label");
    reads("{" ID ",\"score\":1,\"label\":5}", "invalid_label /label");
}

static void bodies(void)
{
    static char large[FEEDBACK_BODY_MAX + 2];
    reads("", "invalid_body ");
    reads("[]", "invalid_body ");
    reads("{" ID ",\"score\":1,\"scroe\":1}", "invalid_body ");
    reads("{" ID ",\"score\":1,\"score\":0}", "invalid_body ");
    reads("{" ID ",\"score\":1} x", "invalid_body ");
    memset(large, ' ', sizeof(large) - 1);
    memcpy(large, "{" ID ",\"score\":1}", sizeof("{" ID ",\"score\":1}") - 1);
    reads(large, "invalid_body ");
    large[FEEDBACK_BODY_MAX] = '\0';
    reads(large, "1000000 ");
}

int main(void)
{
    TEST(scores, "a score is a number from 0 to 1 and nothing else");
    TEST(calls, "a call is named by its id");
    TEST(labels, "a label is a short text");
    TEST(bodies, "a body is one object of known members");
    return tap_done();
}
