/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/script.h"

#include "base/memory.h"

#define SCRIPT_BYTES_MAX ((size_t)256 << 20)
#define STEPS_FIRST 8

struct sim_script *sim_script_new(void)
{
    struct sim_script *script = memory_array(1, sizeof(*script));

    if (script != NULL) {
        script->references = 1;
        buf_init(&script->bytes, SCRIPT_BYTES_MAX);
    }
    return script;
}

void sim_script_hold(struct sim_script *script)
{
    script->references++;
}

void sim_script_release(struct sim_script *script)
{
    if (script == NULL || --script->references > 0) {
        return;
    }
    buf_release(&script->bytes);
    memory_free(script->steps);
    memory_free(script);
}

static bool room_for_step(struct sim_script *script)
{
    if (script->count < script->cap) {
        return true;
    }
    size_t cap = script->cap == 0 ? STEPS_FIRST : script->cap * 2;
    struct sim_step *steps = memory_resize(script->steps, cap * sizeof(*steps));
    if (steps == NULL) {
        script->failed = true;
        return false;
    }
    script->steps = steps;
    script->cap = cap;
    return true;
}

void sim_script_step(struct sim_script *script, uint64_t delay_us, uint64_t repeat)
{
    size_t start = script->count == 0 ? 0 : script->steps[script->count - 1].end;

    script->failed |= script->bytes.failed;
    if (script->failed || script->bytes.len == start || !room_for_step(script)) {
        return;
    }
    script->steps[script->count++] = (struct sim_step){
        .start = start, .end = script->bytes.len, .delay_us = delay_us, .repeat = repeat};
}
