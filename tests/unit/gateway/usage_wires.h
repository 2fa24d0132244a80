/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of each dialect, with a place for their usage. */
#ifndef TESTS_UNIT_GATEWAY_USAGE_WIRES_H
#define TESTS_UNIT_GATEWAY_USAGE_WIRES_H

#include <stdbool.h>

#define TEXT "eight by"
#define TEXT_BYTES 8
#define TEXTS 3

/* Where a stream tells its usage. */
enum place { AT_END, IN_EACH, AT_BOTH_ENDS };

struct wire {
    const char *start; /* before the texts; "$" stands for the usage at the start */
    const char *text;
    const char *end; /* "$": the usage */
    const char *whole;
    bool framed; /* as lines of frames_encode() */
};

#define CHAT_HEAD                                                                                  \
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
static const struct wire chat = {
    .start = "data: " CHAT_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
             "\"content\":\"\"}}]}\n\n",
    .text =
        "data: " CHAT_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" TEXT "\"}}]}\n\n",
    .end = "data: " CHAT_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
           "\n\ndata: " CHAT_HEAD "\"choices\":[],\"usage\":$}\n\ndata: [DONE]\n\n",
    .whole =
        "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":"
        "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" TEXT
        "\"},\"finish_reason\":\"stop\"}],\"usage\":$}",
};
/* vLLM and others tell it with each chunk. */
static const struct wire chat_each = {
    .start = "data: " CHAT_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
             "\"content\":\"\"}}],\"usage\":$}\n\n",
    .text = "data: " CHAT_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" TEXT
            "\"}}],\"usage\":$}\n\n",
    .end = "data: " CHAT_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
           "\"usage\":$}\n\ndata: [DONE]\n\n",
    .whole =
        "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":"
        "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" TEXT
        "\"},\"finish_reason\":\"stop\"}],\"usage\":$}",
};
static const struct wire completions = {
    .start = "",
    .text = "data: {\"id\":\"c\",\"object\":\"text_completion\",\"model\":\"m\",\"choices\":"
            "[{\"index\":0,\"text\":\"" TEXT "\",\"finish_reason\":null}]}\n\n",
    .end = "data: {\"id\":\"c\",\"object\":\"text_completion\",\"model\":\"m\",\"choices\":"
           "[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}],\"usage\":$}\n\n"
           "data: [DONE]\n\n",
    .whole =
        "{\"id\":\"c\",\"object\":\"text_completion\",\"model\":\"m\",\"choices\":[{\"index\":0,"
        "\"text\":\"" TEXT "\",\"finish_reason\":\"stop\"}],\"usage\":$}",
};
static const struct wire messages = {
    .start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\","
             "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],"
             "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":$}}\n\n"
             "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
             "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    .text = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
            "\"delta\":{\"type\":\"text_delta\",\"text\":\"" TEXT "\"}}\n\n",
    .end = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
           "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
           "\"end_turn\",\"stop_sequence\":null},\"usage\":$}\n\n"
           "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    .whole =
        "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"" TEXT "\"}],\"stop_reason\":\"end_turn\","
        "\"stop_sequence\":null,\"usage\":$}",
};
#define GEMINI_TEXT                                                                                \
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" TEXT "\"}],\"role\":\"model\"},"
static const struct wire gemini = {
    .start = "",
    .text = "data: " GEMINI_TEXT "\"index\":0}]}\n\n",
    .end = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},"
           "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":$}\n\n",
    .whole = GEMINI_TEXT "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":$}",
};
static const struct wire gemini_each = {
    .start = "",
    .text = "data: " GEMINI_TEXT "\"index\":0}],\"usageMetadata\":$}\n\n",
    .end = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},"
           "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":$}\n\n",
    .whole = GEMINI_TEXT "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":$}",
};
#define OLLAMA_HEAD "{\"model\":\"m\",\"created_at\":\"2026-01-02T03:04:05.678Z\",\"message\":"
static const struct wire ollama = {
    .start = "",
    .text = OLLAMA_HEAD "{\"role\":\"assistant\",\"content\":\"" TEXT "\"},\"done\":false}\n",
    .end = OLLAMA_HEAD "{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",$,"
                       "\"done\":true}\n",
    .whole = OLLAMA_HEAD "{\"role\":\"assistant\",\"content\":\"" TEXT
                         "\"},\"done_reason\":\"stop\",$,\"done\":true}",
};
#define RESPONSE_ITEM                                                                              \
    "{\"id\":\"i\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\","          \
    "\"content\":[{\"type\":\"output_text\",\"text\":\"" TEXT "\",\"annotations\":[]}]}"
#define RESPONSE(status)                                                                           \
    "{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"status\":\"" status "\",\"model\":"  \
    "\"m\",\"output\":[" RESPONSE_ITEM "],\"usage\":$}"
static const struct wire responses = {
    .start = "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\","
             "\"output_index\":0,\"item\":{\"id\":\"i\",\"type\":\"message\",\"status\":"
             "\"in_progress\",\"role\":\"assistant\",\"content\":[]}}\n\n",
    .text = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
            "\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"" TEXT "\"}\n\n",
    .end =
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" RESPONSE(
            "completed") "}\n\n",
    .whole = RESPONSE("completed"),
};
static const struct wire bedrock = {
    .start = "event messageStart {\"role\":\"assistant\"}\n",
    .text = "event contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"" TEXT "\"}}\n",
    .end = "event contentBlockStop {\"contentBlockIndex\":0}\n"
           "event messageStop {\"stopReason\":\"end_turn\"}\n"
           "event metadata {\"metrics\":{\"latencyMs\":5},\"usage\":$}\n",
    .whole = "{\"metrics\":{\"latencyMs\":5},\"output\":{\"message\":{\"role\":\"assistant\","
             "\"content\":[{\"text\":\"" TEXT "\"}]}},\"stopReason\":\"end_turn\",\"usage\":$}",
    .framed = true,
};

#endif
