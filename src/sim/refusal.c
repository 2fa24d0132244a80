/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/refusal.h"

#include "sim/openai.h"

#define CONTEXT_WINDOW 8192
#define STATUS_LEAST 100
#define STATUS_MOST 999
#define INVALID SLICE_INIT("invalid_request_error")

#define REFUSAL(number, kind, name, sentence)                                                      \
    {                                                                                              \
        .status = number, .type = kind, .code = SLICE_INIT(name), .text = SLICE_INIT(sentence),    \
    }

static const struct sim_refusal refusals[] = {
    REFUSAL(400, INVALID, "invalid_value", "The simulated provider does not like this request."),
    REFUSAL(401, INVALID, "invalid_api_key", "Incorrect API key provided."),
    REFUSAL(402, SLICE_INIT("insufficient_quota"), "insufficient_quota", "Insufficient credits."),
    REFUSAL(403, INVALID, "permission_denied", "This key may not use this model."),
    REFUSAL(404, INVALID, "model_not_found", "The model does not exist."),
    REFUSAL(408, SLICE_INIT("server_error"), "timeout", "The request took too long."),
    REFUSAL(409, SLICE_INIT("server_error"), "conflict", "Try again."),
    REFUSAL(413, INVALID, "request_too_large", "The request is too large."),
    REFUSAL(422, INVALID, "unprocessable", "The request cannot be processed."),
    REFUSAL(429, SLICE_INIT("requests"), "rate_limit_exceeded", "Rate limit reached."),
    REFUSAL(500, SLICE_INIT("server_error"), "server_error", "The server had an error."),
    REFUSAL(502, SLICE_INIT("server_error"), "bad_gateway", "Bad gateway."),
    REFUSAL(503, SLICE_INIT("server_error"), "unavailable", "The engine is overloaded."),
    REFUSAL(504, SLICE_INIT("server_error"), "gateway_timeout", "The model took too long."),
    REFUSAL(529, SLICE_INIT("overloaded_error"), "overloaded", "Overloaded."),
};

static const struct sim_refusal quota =
    REFUSAL(429, SLICE_INIT("insufficient_quota"), "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.");

void sim_refuse_plain(struct sim_reply *reply, const struct sim_dialect *dialect, int status,
                      struct slice code, struct slice text)
{
    const struct sim_refusal refusal = {
        .status = status, .type = SLICE("invalid_request_error"), .code = code, .text = text};

    dialect->refuse(&refusal, reply);
}

void sim_refuse_status(struct sim_reply *reply, const struct sim_dialect *dialect, int status)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (refusals[i].status == status) {
            dialect->refuse(&refusals[i], reply);
            return;
        }
    }
    sim_refuse_plain(reply, dialect, status, SLICE("simulated"), SLICE("A simulated refusal."));
}

/* --- by behaviour --- */

static bool is(const struct sim_reply *reply, enum sim_behaviour which)
{
    return sim_is(reply->behaviours, which);
}

static int status_or(const struct sim_reply *reply, int otherwise)
{
    uint32_t status = sim_number(reply->behaviours, SIM_STATUS, (uint32_t)otherwise);

    return status < STATUS_LEAST || status > STATUS_MOST ? 500 : (int)status;
}

static void write_retry_headers(struct sim_reply *reply)
{
    if (is(reply, SIM_RETRY)) {
        sim_reply_header(reply, "retry-after", "%u", reply->behaviours->number[SIM_RETRY]);
    }
    if (is(reply, SIM_RETRY_DATE)) {
        sim_reply_header(reply, "retry-after", "Thu, 01 Jan 2026 00:00:00 GMT");
    }
    if (is(reply, SIM_RETRY_MS)) {
        sim_reply_header(reply, "retry-after-ms", "%u", reply->behaviours->number[SIM_RETRY_MS]);
    }
}

static void write_body(struct sim_reply *reply, int status, struct slice type, struct slice body)
{
    reply->status = status;
    reply->content_type = type;
    sim_reply_begin(reply);
    buf_append(&reply->body, body);
    sim_reply_end(reply, 0);
}

static void write_context_length(struct sim_reply *reply, const struct sim_dialect *dialect,
                                 uint64_t prompt_tokens)
{
    char text[256];
    struct buf out = {text, 0, sizeof(text), sizeof(text), false};

    dialect->context(prompt_tokens + CONTEXT_WINDOW, CONTEXT_WINDOW, &out);
    sim_refuse_plain(reply, dialect, 400, SLICE("context_length_exceeded"), buf_slice(&out));
}

bool sim_refuse(struct sim_reply *reply, const struct sim_dialect *dialect, uint64_t prompt_tokens)
{
    write_retry_headers(reply);
    if (is(reply, SIM_HTML)) {
        write_body(reply, status_or(reply, 200), SLICE("text/html; charset=utf-8"),
                   SLICE("<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>"
                         "<body><h1>Checking your browser</h1></body></html>\n"));
    } else if (is(reply, SIM_PLAIN_ERROR)) {
        write_body(reply, status_or(reply, 500), SLICE("text/plain"),
                   SLICE("upstream connect error or disconnect/reset before headers"));
    } else if (is(reply, SIM_REDIRECT)) {
        sim_reply_header(reply, "location", "http://127.0.0.1:9/elsewhere");
        write_body(reply, status_or(reply, 307), SLICE("text/plain"), SLICE("moved"));
    } else if (is(reply, SIM_CONTEXT_LENGTH)) {
        write_context_length(reply, dialect, prompt_tokens);
    } else if (is(reply, SIM_QUOTA)) {
        dialect->refuse(&quota, reply);
    } else if (is(reply, SIM_ERROR_IN_200)) {
        sim_refuse_status(reply, dialect, 500);
        reply->status = 200;
    } else if (is(reply, SIM_STATUS)) {
        sim_refuse_status(reply, dialect, status_or(reply, 500));
    } else {
        return false;
    }
    return true;
}
