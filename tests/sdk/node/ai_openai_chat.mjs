// SPDX-License-Identifier: Apache-2.0
/* ai with @ai-sdk/openai, chat completions. */
import { createOpenAI } from "@ai-sdk/openai";
import { aiDriver } from "./ai_words.mjs";
import { main } from "./checks.mjs";

await main(
    aiDriver("npm ai, openai chat", (url) => {
        const provider = createOpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test" });
        return (model) => provider.chat(model);
    }),
);
