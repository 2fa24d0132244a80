/* SPDX-License-Identifier: Apache-2.0 */
/* What scripted upstreams say, and what clients ask. */
#ifndef TESTS_UNIT_GATEWAY_ANSWERS_H
#define TESTS_UNIT_GATEWAY_ANSWERS_H

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNK(text) "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{" text "}}]}\n\n"
#define HELLO CHUNK("\"role\":\"assistant\",\"content\":\"hello\"")
#define STOP                                                                                       \
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":"  \
    "500,\"total_tokens\":1500}}\n\n"
#define DONE "data: [DONE]\n\n"
#define WHOLE                                                                                      \
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{"    \
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":"    \
    "\"stop\"}],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":500,\"total_tokens\":"     \
    "1500}}"
#define OLLAMA_WHOLE                                                                               \
    "{\"model\":\"mo\",\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"done\":true,"  \
    "\"done_reason\":\"stop\",\"prompt_eval_count\":1000,\"eval_count\":500}\n"
#define OLLAMA_PIECE                                                                               \
    "{\"model\":\"mo\",\"message\":{\"role\":\"assistant\",\"content\":\"hel\"},\"done\":false}\n"

/* Answers whose end is the end of the connection, so that no lengths have to be counted. */
#define STREAM(text) SLICE_INIT(SSE_HEAD "Connection: close\r\n\r\n" text)
#define ANSWER(text) SLICE_INIT(JSON_HEAD "Connection: close\r\n\r\n" text)
#define STATUS(line, text)                                                                         \
    SLICE_INIT("HTTP/1.1 " line "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"  \
               "" text)
#define LINES(text)                                                                                \
    SLICE_INIT("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: "             \
               "close\r\n\r\n" text)

#define ASK(model, rest)                                                                           \
    "{\"model\":\"" model "\"" rest ",\"messages\":[{\"role\":\"user\",\"content\":\"Say zebra\"}" \
    "]}"
#define STREAMED ",\"stream\":true"

#endif
