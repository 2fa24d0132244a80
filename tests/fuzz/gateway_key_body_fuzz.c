/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of the administration of keys. The first byte chooses what is asked for. Whatever is read
 * makes sense: limits pass their check, numbers are never below 0, names have a length; whatever is
 * refused has a code; and no whole key is left in what goes to the audit log.
 */
#include "base/memory.h"
#include "gateway/key_body.h"

#define NOW INT64_C(1790000000)

static void check_order(const struct key_body *body)
{
    const struct key_order *order = &body->order;
    CHECK(order->limit_count >= 1 && order->limit_count <= LIMIT_MODELS_MAX + 1);
    for (size_t i = 0; i < order->limit_count; i++) {
        CHECK(limits_check(&order->limits[i].limits, NULL));
        CHECK((i == 0) == (order->limits[i].model.len == 0));
    }
    CHECK(order->grant_count <= GRANTS_MAX);
    for (size_t i = 0; i < order->grant_count; i++) {
        CHECK(order->grants[i].text != NULL && order->grants[i].kind < GRANT_KINDS);
    }
    CHECK(order->expires_s == 0 || order->expires_s > NOW);
}

static void check_change(const struct key_body *body)
{
    struct scope_limits limits = limits_none();
    CHECK(body->subject.name.len > 0);
    if (limits_apply(&limits, &body->change, NULL)) {
        CHECK(limits_check(&limits, NULL));
    }
}

static void check_redacted(struct slice text)
{
    struct buf out = BUF_INIT(1u << 21);
    key_api_redact(text, &out);
    struct slice rest = buf_slice(&out);
    for (size_t at; (at = slice_find_slice(rest, SLICE("sk-sl-"))) != SIZE_MAX;) {
        rest = slice_from(rest, at + 6);
        size_t digits = 0;
        while (digits < rest.len && ((rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9') ||
                                     (rest.ptr[digits] >= 'a' && rest.ptr[digits] <= 'z') ||
                                     (rest.ptr[digits] >= 'A' && rest.ptr[digits] <= 'Z'))) {
            digits++;
        }
        CHECK(digits <= 4 || slice_starts(slice_from(rest, digits - 2), SLICE("sk-sl-")));
    }
    buf_release(&out);
}

/* What is logged of a body that could be read is JSON, and has no key. */
static void check_detail(const struct key_body *body, struct slice text)
{
    struct json_doc doc;
    struct error error;
    struct buf out = BUF_INIT(1u << 21);
    if (body->doc.count > 0 && text.len < 10000) {
        (void)!key_api_detail(&body->doc, text, &out);
        json_doc_init(&doc);
        CHECK(json_parse(&doc, buf_slice(&out), NULL, &error) && doc.count == body->doc.count);
        json_doc_release(&doc);
        check_redacted(buf_slice(&out));
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct key_body *body;
    struct error error;
    if (size == 0) {
        return 0;
    }
    body = body == NULL ? memory_array(1, sizeof(*body)) : body;
    CHECK(body != NULL);
    enum key_operation operation = (enum key_operation)(data[0] % KEY_OPERATIONS);
    struct slice text = slice_of((const char *)data + 1, size - 1);
    if (!key_body_read(body, operation, text, NOW, &error)) {
        CHECK(error.code != NULL && error.code[0] != '\0');
    } else if (operation == KEY_OPERATION_CREATE) {
        check_order(body);
    } else if (operation == KEY_OPERATION_LIMIT) {
        check_change(body);
    } else if (operation == KEY_OPERATION_RESEAL) {
        CHECK(body->which.len == 0 && !body->has_subject);
    } else {
        CHECK(body->which.len > 0 && body->overlap_s >= 0);
    }
    check_detail(body, text);
    key_body_release(body);
    check_redacted(text);
    return 0;
}
