/* SPDX-License-Identifier: Apache-2.0 */
/* Vertex AI where it is not Gemini's API: paths, inputs of embeddings, predictions, counts. */
#include "tests/unit/dialect/fixture.h"

#include "dialect/rows.h"

static const struct writing {
    enum dialect_id front;
    enum operation operation;
    const char *model;
    const char *body;
    const char *path;
    const char *written; /* or the pointer of a refusal */
    const char *loss;    /* NULL: refused */
} writings[] = {
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "text-embedding-005",
     "{\"input\":[\"a\",\"b\\n\"],\"dimensions\":8,\"user\":\"u\"}",
     "/models/text-embedding-005:predict",
     "{\"instances\":[{\"content\":\"a\"},{\"content\":\"b\\n\"}],\"parameters\":{"
     "\"outputDimensionality\":8}}",
     "user"},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "gemini-embedding-001", "{\"input\":\"a\"}",
     "/models/gemini-embedding-001:predict", "{\"instances\":[{\"content\":\"a\"}]}", ""},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "gemini-embedding-001",
     "{\"input\":[\"a\",\"b\"]}", "/models/gemini-embedding-001:batchEmbedContents",
     "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"embedContentConfig\":{}},{"
     "\"content\":{\"parts\":[{\"text\":\"b\"}]},\"embedContentConfig\":{}}]}",
     ""},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "gemini-embedding-2",
     "{\"input\":[\"a\"],\"dimensions\":8}", "/models/gemini-embedding-2:embedContent",
     "{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"embedContentConfig\":{"
     "\"outputDimensionality\":8}}",
     ""},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "e5-maas", "{\"input\":[\"a\",\"b\"]}",
     "/models/e5-maas:embedContent", "/input/1", NULL},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "gemini-embedding-2", "{\"input\":[[1,2]]}",
     "/models/gemini-embedding-2:embedContent", "/input/0", NULL},
    {DIALECT_GEMINI, OPERATION_EMBEDDING, "multilingual-e5-small-maas",
     "{\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]},\"task_type\":\"CLUSTERING\","
     "\"title\":\"t\",\"autoTruncate\":false,\"odd\":1}",
     "/models/multilingual-e5-small-maas:embedContent",
     "{\"content\":{\"parts\":[{\"text\":\"ab\"}]},\"embedContentConfig\":{\"taskType\":"
     "\"CLUSTERING\",\"title\":\"t\",\"autoTruncate\":false}}",
     "odd"},
    {DIALECT_GEMINI, OPERATION_EMBEDDING, "text-embedding-005",
     "{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"taskType\":\"CLUSTERING\","
     "\"autoTruncate\":true}",
     "/models/text-embedding-005:predict",
     "{\"instances\":[{\"content\":\"a\",\"task_type\":\"CLUSTERING\"}],\"parameters\":{"
     "\"autoTruncate\":true}}",
     ""},
    {DIALECT_GEMINI, OPERATION_TOKEN_COUNT, "gemini-3-pro",
     "{\"generateContentRequest\":{\"model\":\"models/x\",\"contents\":[{\"role\":\"user\","
     "\"parts\":[{\"text\":\"a\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
     "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}},"
     "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]}}",
     "/models/gemini-3-pro:countTokens",
     "{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},\"contents\":[{\"role\":\"user\","
     "\"parts\":[{\"text\":\"a\"}]}],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]}",
     ""},
};

static void write_one(const struct writing *row)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    struct request r;
    const struct request_change change = {.model = slice_from_cstr(row->model)};
    request_read_as(&r, row->front, row->operation, slice_from_cstr(row->body));
    EXPECT(r.ok);
    EXPECT(dialect_vertex.write_path(&r.chat, change.model, &out));
    EXPECT(slice_eq(buf_slice(&out), slice_from_cstr(row->path)));
    buf_clear(&out);
    bool ok = dialect_vertex.write_request(&r.chat, &change, &out, &loss, &error);
    EXPECT(ok == (row->loss != NULL));
    if (ok) {
        EXPECT(slice_eq(buf_slice(&out), slice_from_cstr(row->written)));
        EXPECT(slice_eq(slice_of(loss.text, loss.len), slice_from_cstr(row->loss)));
    } else {
        EXPECT(slice_eq(slice_from_cstr(error.pointer), slice_from_cstr(row->written)));
    }
    if (tap_point_failed) {
        printf("# %s: %.*s %.*s %s %s\n", row->body, SLICE_ARG(buf_slice(&out)), (int)loss.len,
               loss.text, error.text, error.pointer);
    }
    request_release(&r);
    buf_release(&out);
}

static void writes_requests(void)
{
    for (size_t i = 0; i < ARRAY_LEN(writings); i++) {
        write_one(&writings[i]);
    }
}

static const struct answer_row {
    const char *body;
    const char *trace; /* what its events begin with */
} answers[] = {
    {"{\"predictions\":[{\"embeddings\":{\"values\":[0.5,-1],\"statistics\":{\"token_count\":3,"
     "\"truncated\":false}}}],\"metadata\":{\"billableCharacterCount\":9}}",
     "start\nembedding index=0 text=[0.5,-1]\nusage in=3 out=0 "},
    {"{\"predictions\":[{\"embeddings\":{\"values\":[1]}},{\"embeddings\":{\"values\":[2]}}]}",
     "start\nembedding index=0 text=[1]\nembedding index=1 text=[2]\nend"},
    {"{\"embedding\":{\"values\":[0.5]},\"usageMetadata\":{\"promptTokenCount\":4}}",
     "start\nembedding index=0 text=[0.5]\nusage in=4 out=0 "},
    {"{\"embeddings\":[{\"values\":[1]},{\"values\":[2]}]}",
     "start\nembedding index=0 text=[1]\nembedding index=1 text=[2]\nend"},
    {"{\"totalTokens\":31,\"totalBillableCharacters\":90}", "start\nusage in=31 out=0 "},
    {"{\"predictions\":[]}", "malformed"},
    {"{\"predictions\":[{\"embeddings\":[1]}]}", "malformed"},
    {"{\"predictions\":{}}", "malformed"},
    {"[]", "malformed"},
};

static void reads_answers(void)
{
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct buf trace = BUF_INIT(FIXTURE_LIMIT);
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        run_answer(DIALECT_VERTEX, DIALECT_GEMINI, slice_from_cstr(answers[i].body), &trace, &out);
        bool same = slice_starts(buf_slice(&trace), slice_from_cstr(answers[i].trace));
        EXPECT(same);
        if (!same) {
            printf("# %s\n# %.*s\n", answers[i].body, SLICE_ARG(buf_slice(&trace)));
        }
        buf_release(&trace);
        buf_release(&out);
    }
}

int main(void)
{
    TEST(writes_requests, "inputs and counts are written as each model's method takes them");
    TEST(reads_answers, "predictions and single vectors are read, with what they cost");
    return tap_done();
}
