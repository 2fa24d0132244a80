/* SPDX-License-Identifier: Apache-2.0 */
/* The file of weights: a header, then its arrays one after the other. */
#include "route/weights.h"

#include "base/hash.h"
#include "base/memory.h"

/* 2: other hashes of words, no transfer; 3: several heads for one model */
#define WEIGHTS_VERSION 4u

struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint32_t head_bytes; /* of one head: another build's layout is not ours */
    uint32_t head_count;
    uint32_t tag_count;
    uint32_t sample_count;
    uint32_t sum; /* CRC-32C of all that follows the header */
    uint32_t reserved;
};
static const char magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'W', '\n'};

/* The arrays behind the header. */
struct part {
    void **place;
    size_t bytes;
};
#define PARTS 7

static void list_parts(struct weights *weights, struct part parts[PARTS])
{
    size_t cells = (size_t)weights->sample_count * weights->head_count;
    parts[0] = (struct part){(void **)&weights->heads, weights->head_count * sizeof(struct head)};
    parts[1] =
        (struct part){(void **)&weights->tags, weights->tag_count * sizeof(struct tag_offset)};
    parts[2] = (struct part){(void **)&weights->sample_scores, cells * sizeof(float)};
    parts[4] =
        (struct part){(void **)&weights->sample_tags, weights->sample_count * sizeof(uint64_t)};
    parts[5] = (struct part){(void **)&weights->sample_strangers, cells * sizeof(float)};
    parts[3] = (struct part){(void **)&weights->sample_outcomes, cells * sizeof(float)};
    parts[6] = (struct part){(void **)&weights->transfer, weights->head_count * sizeof(float)};
}

bool weights_write(const struct weights *weights, struct buf *out)
{
    struct weights copy = *weights;
    struct part parts[PARTS];
    struct file_header header = {.version = WEIGHTS_VERSION,
                                 .header_bytes = sizeof(header),
                                 .head_bytes = sizeof(struct head),
                                 .head_count = weights->head_count,
                                 .tag_count = weights->tag_count,
                                 .sample_count = weights->sample_count};
    memcpy(header.magic, magic, sizeof(magic));
    list_parts(&copy, parts);
    for (size_t i = 0; i < PARTS; i++) {
        header.sum = crc32c(header.sum, *parts[i].place, parts[i].bytes);
    }
    buf_append(out, slice_of((const char *)&header, sizeof(header)));
    for (size_t i = 0; i < PARTS; i++) {
        buf_append(out, slice_of(*parts[i].place, parts[i].bytes));
    }
    return !out->failed;
}

static bool bad(struct error *error, const char *what)
{
    return error_set(error, ERROR_INVALID, "bad_weights", "this is no file of weights: %s", what);
}

static bool check_header(struct slice bytes, struct file_header *header, struct error *error)
{
    if (bytes.len < sizeof(*header)) {
        return bad(error, "it is too short");
    }
    memcpy(header, bytes.ptr, sizeof(*header));
    if (memcmp(header->magic, magic, sizeof(magic)) != 0) {
        return bad(error, "it begins with other bytes");
    }
    if (header->version > WEIGHTS_VERSION) {
        return error_set(error, ERROR_UNSUPPORTED, "newer_weights",
                         "these weights are of version %u, this program reads version %u",
                         header->version, WEIGHTS_VERSION);
    }
    if (header->version < WEIGHTS_VERSION) {
        return bad(error, "it is of an older version, train it again");
    }
    if (header->header_bytes != sizeof(*header) || header->head_bytes != sizeof(struct head)) {
        return bad(error, "its parts have other sizes");
    }
    if (header->head_count > WEIGHTS_HEADS_MAX || header->tag_count > WEIGHTS_TAGS_MAX ||
        header->sample_count > WEIGHTS_SAMPLE_MAX) {
        return bad(error, "it says that it has more than there can be");
    }
    return true;
}

static bool copy_parts(struct slice rest, struct weights *weights, struct error *error)
{
    struct part parts[PARTS];
    list_parts(weights, parts);
    size_t total = 0;
    for (size_t i = 0; i < PARTS; i++) {
        total += parts[i].bytes;
    }
    if (total != rest.len) {
        return bad(error, "its length is not what it says");
    }
    for (size_t i = 0; i < PARTS; i++) {
        *parts[i].place = memory_alloc(parts[i].bytes + 1);
        if (*parts[i].place == NULL) {
            return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        }
        memcpy(*parts[i].place, rest.ptr, parts[i].bytes);
        rest = slice_from(rest, parts[i].bytes);
    }
    return true;
}

/* No sum of sane figures overflows. */
#define FIGURE_MAX 1e6F

static bool is_sane(float value)
{
    return value >= -FIGURE_MAX && value <= FIGURE_MAX;
}

static bool all_sane(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_sane(values[i])) {
            return false;
        }
    }
    return true;
}

static bool head_is_sound(const struct head *head)
{
    return head->kind < HEAD_KINDS && memchr(head->name, '\0', sizeof(head->name)) != NULL &&
           is_sane(head->average) && is_sane(head->bias) && is_sane(head->bucket_scale) &&
           is_sane(head->coverage) && all_sane(head->means, HEAD_DENSE) &&
           all_sane(head->scales, HEAD_DENSE) && all_sane(head->dense, HEAD_DENSE);
}

static bool tags_are_sound(const struct weights *weights)
{
    for (uint32_t i = 0; i < weights->tag_count; i++) {
        const struct tag_offset *tag = &weights->tags[i];
        if (tag->head >= weights->head_count || !is_sane(tag->offset) || !is_sane(tag->average)) {
            return false;
        }
        const struct tag_offset *before = i == 0 ? NULL : &weights->tags[i - 1];
        if (before != NULL &&
            (before->tag > tag->tag || (before->tag == tag->tag && before->head >= tag->head))) {
            return false;
        }
    }
    return true;
}

static bool is_sound(const struct weights *weights)
{
    size_t cells = (size_t)weights->sample_count * weights->head_count;
    for (uint32_t i = 0; i < weights->head_count; i++) {
        float transfer = weights->transfer[i];
        if (!head_is_sound(&weights->heads[i]) || !(transfer >= 0 && transfer <= 1)) {
            return false;
        }
    }
    return tags_are_sound(weights) && all_sane(weights->sample_scores, cells) &&
           all_sane(weights->sample_strangers, cells) && all_sane(weights->sample_outcomes, cells);
}

bool weights_read(struct slice bytes, struct weights *ret_weights, struct error *error)
{
    struct file_header header;
    *ret_weights = (struct weights){.heads = NULL};
    if (!check_header(bytes, &header, error)) {
        return false;
    }
    struct slice rest = slice_from(bytes, sizeof(header));
    if (crc32c(0, rest.ptr, rest.len) != header.sum) {
        return bad(error, "its checksum does not fit, it is damaged");
    }
    ret_weights->head_count = header.head_count;
    ret_weights->tag_count = header.tag_count;
    ret_weights->sample_count = header.sample_count;
    bool read = copy_parts(rest, ret_weights, error);
    if (read && !is_sound(ret_weights)) {
        read = bad(error, "it has numbers that no training writes");
    }
    if (!read) {
        weights_release(ret_weights);
    }
    return read;
}
