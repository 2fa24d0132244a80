/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence_record.h"

#include "base/little_endian.h"

#define VERSION 1
#define TEXT_MAX 255
#define FIXED_BYTES (1 + 1 + 1 + sizeof(struct id) + 2 * 8 + 3 * 4)
#define TEXTS 4
_Static_assert(FIXED_BYTES <= 64, "it fits");

/* Cut between two characters. */
static char *put_text(char *out, struct slice text)
{
    size_t len = text.len > TEXT_MAX ? TEXT_MAX : text.len;
    while (len > 0 && len < text.len && (text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    *out++ = (char)len;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    return out + len;
}

size_t evidence_record_encode(const struct evidence_record *record, char *out)
{
    char *at = out;
    *at++ = VERSION;
    *at++ = (char)record->source;
    *at++ = (char)record->task;
    memcpy(at, record->call.bytes, sizeof(record->call.bytes));
    at = little_put_64(at + sizeof(record->call.bytes), (uint64_t)record->wall_ns);
    at = little_put_64(at, record->key_id);
    at = little_put_32(at, record->score_ppm);
    at = little_put_32(at, record->weight_ppm);
    at = little_put_32(at, record->success_permille);
    at = put_text(at, record->tag);
    at = put_text(at, record->route);
    at = put_text(at, record->target);
    at = put_text(at, record->label);
    return (size_t)(at - out);
}

static bool is_sound(const struct evidence_record *record)
{
    return record->source >= EVIDENCE_VERDICT && record->source <= EVIDENCE_CHECK &&
           (unsigned)record->task < TASK_COUNT && record->score_ppm <= EVIDENCE_PPM &&
           record->weight_ppm <= EVIDENCE_WEIGHT_PPM_MAX && record->success_permille <= 1000;
}

bool evidence_record_decode(struct slice bytes, struct evidence_record *ret_record)
{
    if (bytes.len < FIXED_BYTES || bytes.ptr[0] != VERSION) {
        return false;
    }
    const char *at = bytes.ptr + 1;
    *ret_record = (struct evidence_record){
        .source = (enum evidence_source)(unsigned char)at[0],
        .task = (enum task)(unsigned char)at[1],
        .wall_ns = (int64_t)little_get_64(at + 18),
        .key_id = little_get_64(at + 26),
        .score_ppm = little_get_32(at + 34),
        .weight_ppm = little_get_32(at + 38),
        .success_permille = little_get_32(at + 42),
    };
    memcpy(ret_record->call.bytes, at + 2, sizeof(ret_record->call.bytes));
    struct slice *const texts[TEXTS] = {&ret_record->tag, &ret_record->route, &ret_record->target,
                                        &ret_record->label};
    struct slice rest = slice_from(bytes, FIXED_BYTES);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t len = rest.len == 0 ? 0 : (unsigned char)rest.ptr[0];
        if (rest.len < 1 + len) {
            return false;
        }
        *texts[i] = slice_of(rest.ptr + 1, len);
        rest = slice_from(rest, 1 + len);
    }
    return rest.len == 0 && is_sound(ret_record);
}

unsigned evidence_step(uint32_t success_permille)
{
    unsigned step = success_permille * EVIDENCE_STEPS / 1000;
    return step >= EVIDENCE_STEPS ? EVIDENCE_STEPS - 1 : step;
}
