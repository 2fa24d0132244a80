// SPDX-License-Identifier: Apache-2.0
/* Requests and results in OpenAI's words, for the SDKs that show them as they are. */
import assert from "node:assert";

const finishes = { stop: "stop", tool_calls: "tools", length: "length" };

export function chatTurns(turns) {
    return turns.flatMap((turn) => {
        if (turn.results) {
            return turn.results.map(({ id, text }) => ({ role: "tool", tool_call_id: id, content: text }));
        }
        if (turn.assistant) {
            return [turn.assistant];
        }
        if (!turn.image) {
            return [{ role: "user", content: turn.user }];
        }
        const url = `data:image/png;base64,${turn.image}`;
        const content = [
            { type: "text", text: turn.user },
            { type: "image_url", image_url: { url } },
        ];
        return [{ role: "user", content }];
    });
}

export function chatTools(tools) {
    return tools?.map(({ name, description, schema }) => ({
        type: "function",
        function: { name, description, parameters: schema },
    }));
}

export function chatBody({ model, turns, tools, schema, maxTokens }) {
    return {
        model,
        messages: chatTurns(turns),
        ...(tools && { tools: chatTools(tools) }),
        ...(maxTokens && { max_completion_tokens: maxTokens }),
        ...(schema && {
            response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
        }),
    };
}

export function chatResult(completion) {
    const { message, finish_reason: finish } = completion.choices[0];
    const usage = completion.usage;
    return {
        text: message.content ?? "",
        calls: (message.tool_calls ?? []).map((call) => ({
            id: call.id,
            name: call.function.name,
            input: JSON.parse(call.function.arguments),
        })),
        finish: finishes[finish] ?? finish,
        usage: {
            input: usage?.prompt_tokens,
            output: usage?.completion_tokens,
            cached: usage?.prompt_tokens_details?.cached_tokens,
        },
        turn: { role: "assistant", content: message.content, tool_calls: message.tool_calls },
    };
}

/* The SDK asks for base64 unless told otherwise: both must give the same numbers. */
export async function openaiEmbeddings(client, model) {
    const ask = (more) => client.embeddings.create({ model, input: ["one", "two"], ...more });
    const packed = await ask({});
    const plain = await ask({ encoding_format: "float" });
    assert.equal(packed.data.length, 2);
    assert.deepEqual(packed.data.map((d) => d.index), [0, 1]);
    assert(packed.data[0].embedding.length > 0);
    packed.data.forEach(({ embedding }, i) =>
        embedding.forEach((number, j) => assert(Math.abs(number - plain.data[i].embedding[j]) < 1e-6)),
    );
}
