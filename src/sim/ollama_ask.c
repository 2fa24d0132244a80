/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads requests in Ollama's words.
 */
#include "sim/ollama.h"

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

static void read_images(struct sim_reading *r, uint32_t images)
{
    if (!json_is(r->doc, images, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, images); i != JSON_ABSENT;
         i = json_next(r->doc, images, i)) {
        sim_read_image(r);
    }
}

static void read_messages(struct sim_reading *r, uint32_t messages)
{
    if (!json_is(r->doc, messages, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        uint32_t role = json_member(r->doc, i, SLICE("role"));
        sim_read_turn(r, !sim_read_is(r, role, "assistant"), sim_read_is(r, role, "tool"));
        sim_read_text(r, json_member(r->doc, i, SLICE("content")));
        read_images(r, json_member(r->doc, i, SLICE("images")));
    }
}

bool sim_ollama_read(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint32_t format = member(r, "format");
    uint32_t think = member(r, "think");

    ask->stream = sim_read_flag(r, member(r, "stream"), true);
    sim_read_number(r, member(r, "options.num_predict"), &ask->max_tokens);
    sim_read_stops(r, member(r, "options.stop"));
    ask->json = json_is(r->doc, format, JSON_OBJECT) || sim_read_is(r, format, "json");
    ask->schema = json_is(r->doc, format, JSON_OBJECT) ? format : JSON_ABSENT;
    ask->thinks = json_is(r->doc, think, JSON_STRING) || sim_read_flag(r, think, false);
    sim_read_functions(r, member(r, "tools"));
    sim_read_text(r, member(r, "system"));
    sim_read_text(r, member(r, "prompt"));
    if (json_is(r->doc, member(r, "suffix"), JSON_STRING)) {
        struct slice last = ask->last;
        sim_read_text(r, member(r, "suffix"));
        ask->suffix = ask->last;
        ask->last = last;
    }
    read_images(r, member(r, "images"));
    read_messages(r, member(r, "messages"));
    return true;
}

bool sim_ollama_read_embed(struct sim_reading *r)
{
    uint32_t input = member(r, "input");

    sim_read_content(r, input);
    sim_read_number(r, member(r, "dimensions"), &r->ask->dimensions);
    if (r->ask->dimensions < 1 || r->ask->dimensions > SIM_DIMENSIONS_MAX) {
        return error_set(r->error, ERROR_INVALID, "invalid_value", "dimensions is out of range");
    }
    if (json_is(r->doc, input, JSON_STRING)) {
        sim_read_input(r, input);
    } else if (json_is(r->doc, input, JSON_ARRAY)) {
        for (uint32_t i = json_first(r->doc, input); i != JSON_ABSENT;
             i = json_next(r->doc, input, i)) {
            sim_read_input(r, i);
        }
    }
    return true;
}
