/* SPDX-License-Identifier: Apache-2.0 */
/* Prompts of varied style with the task that a person would name. Data of classify_test.c. */
#ifndef TESTS_ROUTE_PROMPTS_GENERAL_H
#define TESTS_ROUTE_PROMPTS_GENERAL_H

#include "model/task.h"

struct labelled_prompt {
    enum task task;
    const char *text;
};

#define PASSAGE                                                                                    \
    "The lighthouse at Skerry Point was built in 1871 by the engineer Marian Holt after three "    \
    "ships were lost in one "                                                                      \
    "winter. It is 38 metres tall, was lit by paraffin until 1926, and has run without a keeper "  \
    "since 1984. The "                                                                             \
    "harbour trust sold the cottages to a charity, which rents them to walkers from April to "     \
    "October."

static const struct labelled_prompt prompts_general[] = {
    {TASK_CLASSIFICATION, "Classify the sentiment of this review as positive, negative or neutral: "
                          "'The battery died after a week.'"},
    {TASK_CLASSIFICATION, "Is the following email spam or not spam? Answer with one "
                          "word.\n\nCongratulations, you have won a cruise!"},
    {TASK_CLASSIFICATION, "categorize these expenses into travel, food and office: taxi, printer "
                          "ink, sandwich, train ticket"},
    {TASK_CLASSIFICATION, "Which of these are mammals: shark, dolphin, bat, penguin, whale"},
    {TASK_CLASSIFICATION, "You are a support triage bot. Assign one label (billing, bug, feature, "
                          "other) to the ticket.\n\nTicket: I was charged twice this month."},
    {TASK_CLASSIFICATION, "Label each headline as sports, politics or business.\n1. Rates rise "
                          "again\n2. City win the cup"},
    {TASK_CLASSIFICATION,
     "Determine whether the statement is a fact or an opinion: Blue is the prettiest colour."},
    {TASK_CLASSIFICATION,
     "Tell me whether each of these is a fruit or a vegetable: tomato, carrot, plum, leek"},
    {TASK_CLASSIFICATION,
     "What category does this support ticket belong to? 'My invoice shows the wrong address'"},
    {TASK_CLASSIFICATION,
     "do not explain, just classify this tweet as toxic or fine: you people never learn"},
    {TASK_CLASSIFICATION, "Which one can fly? Ostrich or sparrow"},
    {TASK_CLASSIFICATION,
     "Sort the following animals into nocturnal and diurnal: owl, eagle, bat, squirrel"},
    {TASK_CLASSIFICATION, "Find the odd one out: apple, pear, hammer, cherry"},

    {TASK_EXTRACTION, "Extract all dates and names from the text below.\n\n" PASSAGE},
    {TASK_EXTRACTION, "From the passage provided, extract the name of the engineer.\n\n" PASSAGE},
    {TASK_EXTRACTION,
     "List every number mentioned in the following paragraph, separated by commas.\n\n" PASSAGE},
    {TASK_EXTRACTION, PASSAGE "\n\nPull out the years from this text as JSON."},
    {TASK_EXTRACTION, "Find all email addresses in this message: write to ana@example.org or "
                      "bob@example.com before Friday."},
    {TASK_EXTRACTION, "Return the invoice number, total and due date as JSON with keys number, "
                      "total, due.\n\nInvoice 8841, due 3 May, total EUR 120.50"},
    {TASK_EXTRACTION,
     "Identify the named entities in the sentence: Angela flew from Oslo to Rome with SAS."},
    {TASK_EXTRACTION,
     "Note down the owners of the cottages in a comma separated list.\n\n" PASSAGE},
    {TASK_EXTRACTION, "Don't summarize it; extract only the place names.\n\n" PASSAGE},
    {TASK_EXTRACTION, "Given this job ad, extract the required skills as bullet points: We look "
                      "for a welder with TIG experience, a forklift licence and good German."},
    {TASK_EXTRACTION, "extract the phone number: call me at 555 0192 after six"},
    {TASK_EXTRACTION, "Please list the months mentioned in the text.\n\n" PASSAGE},

    {TASK_SUMMARIZATION, "Summarize the following article in three sentences.\n\n" PASSAGE},
    {TASK_SUMMARIZATION, "tl;dr\n\n" PASSAGE},
    {TASK_SUMMARIZATION, PASSAGE "\n\nGive me a short summary of the text above."},
    {TASK_SUMMARIZATION, "Can you please summarise this for my boss?\n" PASSAGE},
    {TASK_SUMMARIZATION, "What are the key points of this text?\n\n" PASSAGE},
    {TASK_SUMMARIZATION, "Condense the passage into one sentence.\n\n" PASSAGE},
    {TASK_SUMMARIZATION, "Write a summary of the meeting notes below.\n\n" PASSAGE},
    {TASK_SUMMARIZATION, "I don't want a translation, I want a summary of this.\n\n" PASSAGE},
    {TASK_SUMMARIZATION,
     "Provide an executive summary without quoting the text directly.\n\n" PASSAGE},
    {TASK_SUMMARIZATION,
     "Sum up the main arguments of the essay in five bullet points:\n\n" PASSAGE},
    {TASK_SUMMARIZATION, "Hi! Could you quickly recap what happened in this thread?\n\n" PASSAGE},
    {TASK_SUMMARIZATION, "Résumez ce texte en deux phrases.\n\n" PASSAGE},

    {TASK_TRANSLATION, "Translate to French: I would like two tickets, please."},
    {TASK_TRANSLATION, "How do you say 'good luck' in Japanese?"},
    {TASK_TRANSLATION, "Please translate the following paragraph into German.\n\n" PASSAGE},
    {TASK_TRANSLATION, "translate this from English to Spanish, keep the tone: summarize your "
                       "thoughts before you classify them"},
    {TASK_TRANSLATION, "What is 'library' in Italian?"},
    {TASK_TRANSLATION, "Give me the Portuguese translation of: the meeting was moved to Monday"},
    {TASK_TRANSLATION, "Put this sentence into Polish: the train is late again"},
    {TASK_TRANSLATION, "Übersetze ins Englische: Der Zug hat Verspätung."},
    {TASK_TRANSLATION, "Don't rewrite or shorten anything, only translate into Dutch:\n\n" PASSAGE},
    {TASK_TRANSLATION,
     "I need an English version of this Spanish email: Buenos días, adjunto la factura."},
    {TASK_TRANSLATION, "Traduce al inglés: ¿Dónde está la estación?"},
    {TASK_TRANSLATION,
     "You are a translator. Translate the user's text into Korean: See you tomorrow."},

    {TASK_REWRITE, "Rewrite this sentence to be more polite: Send me the file now."},
    {TASK_REWRITE,
     "Rephrase in plain English: The aforementioned party shall remit payment forthwith."},
    {TASK_REWRITE, "Proofread the following paragraph and correct the grammar.\n\n" PASSAGE},
    {TASK_REWRITE, "make this email shorter and friendlier: Dear Sir, I herewith request the "
                   "delivery of the goods."},
    {TASK_REWRITE, "Fix the spelling and punctuation: i cant beleive its allready monday"},
    {TASK_REWRITE, "Paraphrase: The early bird catches the worm."},
    {TASK_REWRITE,
     "Can you improve the wording of my cover letter? I am hard working and I am punctual."},
    {TASK_REWRITE, "Turn this into passive voice: The committee rejected the plan."},
    {TASK_REWRITE,
     "Simplify this text for a ten-year-old without leaving anything out.\n\n" PASSAGE},
    {TASK_REWRITE, "Reword it so that it sounds less aggressive: You never answer my mails."},
    {TASK_REWRITE, "Do not translate. Just make it more formal: hey, got your note, all good"},
    {TASK_REWRITE, "Polish my paragraph and keep the meaning:\n\n" PASSAGE},

    {TASK_QA_OPEN, "What is the capital of Australia?"},
    {TASK_QA_OPEN, "Who invented the telephone?"},
    {TASK_QA_OPEN, "Explain how photosynthesis works."},
    {TASK_QA_OPEN, "why is the sky blue"},
    {TASK_QA_OPEN, "Tell me about the history of Prague."},
    {TASK_QA_OPEN, "When did the Berlin Wall fall?"},
    {TASK_QA_OPEN, "What's the difference between a virus and a bacterium?"},
    {TASK_QA_OPEN, "How long does it take to boil an egg?"},
    {TASK_QA_OPEN, "Which planet is the largest?"},
    {TASK_QA_OPEN, "Is it safe to eat raw eggs?"},
    {TASK_QA_OPEN, "define entropy"},
    {TASK_QA_OPEN, "Could you tell me who wrote Don Quixote?"},
    {TASK_QA_OPEN, "Without translating anything, what does the French phrase 'déjà vu' refer to?"},

    {TASK_QA_CLOSED, "When was the lighthouse built?\n\n" PASSAGE},
    {TASK_QA_CLOSED, PASSAGE "\n\nWho built it?"},
    {TASK_QA_CLOSED, "Based on the text, how tall is the lighthouse?\n\n" PASSAGE},
    {TASK_QA_CLOSED, "Given this paragraph, who rents the cottages?\n" PASSAGE},
    {TASK_QA_CLOSED, "Context: " PASSAGE "\nQuestion: Since when has it had no keeper?\nAnswer:"},
    {TASK_QA_CLOSED, "Answer the question using only the context.\n\nContext:\n" PASSAGE
                     "\n\nQuestion: What lit the lamp in 1900?"},
    {TASK_QA_CLOSED, "According to the passage, why was the lighthouse needed?\n\n" PASSAGE},
    {TASK_QA_CLOSED, "Read the article and tell me what happened to the cottages.\n\n" PASSAGE
                     "\n\nWhat happened to them?"},
    {TASK_QA_CLOSED, "Does the text say who owns the harbour?\n\n" PASSAGE},
    {TASK_QA_CLOSED, "Do not summarize. In which months can walkers stay there?\n\n" PASSAGE},
    {TASK_QA_CLOSED, "\"" PASSAGE "\" Which engineer is named here?"},
    {TASK_QA_CLOSED, "Is paraffin still used there?\n\n" PASSAGE},

    {TASK_BRAINSTORMING, "Brainstorm names for a coffee shop run by cats."},
    {TASK_BRAINSTORMING, "Give me ten ideas for a birthday party."},
    {TASK_BRAINSTORMING, "What are some fun things to do in Lisbon with kids?"},
    {TASK_BRAINSTORMING, "Suggest five ways to save water at home."},
    {TASK_BRAINSTORMING, "I need suggestions for gifts for my father in law"},
    {TASK_BRAINSTORMING, "Come up with a few slogans for a bakery."},
    {TASK_BRAINSTORMING, "Give me a list of healthy snacks."},
    {TASK_BRAINSTORMING, "Think of three alternatives to a stand-up meeting."},
    {TASK_BRAINSTORMING, "What could I cook with lentils and spinach tonight? Some ideas please"},
    {TASK_BRAINSTORMING, "Recommend some books like Dune."},
    {TASK_BRAINSTORMING,
     "How might we reduce queues in the canteen? List as many options as possible."},
    {TASK_BRAINSTORMING, "Provide tips for staying focused when working from home"},

    {TASK_GENERATION, "Write a short story about a dragon who is afraid of fire."},
    {TASK_GENERATION, "Compose a haiku about autumn rain."},
    {TASK_GENERATION, "Draft an email to my landlord asking for a repair."},
    {TASK_GENERATION, "Write a 500 word essay on the causes of inflation"},
    {TASK_GENERATION, "Create a product description for a bamboo toothbrush."},
    {TASK_GENERATION, "Imagine you are a lighthouse keeper. Describe your day."},
    {TASK_GENERATION, "write me a limerick that doesn't mention Nantucket"},
    {TASK_GENERATION, "Please write a toast for my sister's wedding."},
    {TASK_GENERATION, "Continue the story: The door opened and nobody was there."},
    {TASK_GENERATION, "Write a blog post that summarizes why people like hiking."},
    {TASK_GENERATION, "I need a LinkedIn post announcing our new office."},
    {TASK_GENERATION, "Write a rap in the style of the nineties about doing taxes"},

    {TASK_REASONING, "Three boxes are labelled wrongly. How can you find out what is in each by "
                     "drawing one fruit? Reason step by step."},
    {TASK_REASONING, "Prove that the square root of 2 is irrational."},
    {TASK_REASONING,
     "Solve this riddle: I speak without a mouth. Think carefully and explain your reasoning."},
    {TASK_REASONING, "If all bloops are razzies and some razzies are lazzies, must some bloops be "
                     "lazzies? Use logic."},
    {TASK_REASONING, "Analyze the trade-offs between rent control and housing subsidies."},
    {TASK_REASONING, "One of the knights always lies. Who is telling the truth? A says B lies, B "
                     "says C lies, C says both lie."},
    {TASK_REASONING, "Compare and contrast the strategies of the two companies and decide which is "
                     "more sustainable; justify your answer."},
    {TASK_REASONING, "What would happen if the moon disappeared? Reason through the consequences "
                     "for tides and climate."},
    {TASK_REASONING, "Evaluate the argument: crime fell after the lamps came, so the lamps caused "
                     "it. Which fallacy is it?"},
    {TASK_REASONING, "A farmer must cross a river with a wolf, a goat and a cabbage. What is the "
                     "minimum number of crossings? Think step by step."},
    {TASK_REASONING, "Critically assess whether we should expand into Brazil next year, given "
                     "currency risk and two strong rivals."},
    {TASK_REASONING, "Deduce who took the key: Ann was out, Ben cannot reach the shelf, only Cid "
                     "knew of it. Explain your reasoning."},

    {TASK_MATH, "Calculate 17% of 2,340."},
    {TASK_MATH, "Solve for x: 3x + 7 = 22"},
    {TASK_MATH, "A shirt costs $40 and is reduced by 25%. How much does it cost now?"},
    {TASK_MATH, "What is the derivative of x^3 - 4x?"},
    {TASK_MATH, "Find the area of a triangle with base 8 and height 5."},
    {TASK_MATH,
     "Tom has 3 times as many marbles as Jill. Together they have 48. How many does Jill have?"},
    {TASK_MATH, "Evaluate the integral of $\\sin(x)\\cos(x)$ from 0 to $\\pi/2$."},
    {TASK_MATH, "What is 12 * 17 + 4?"},
    {TASK_MATH, "How many two-digit prime numbers are there whose digits sum to 10?"},
    {TASK_MATH, "A train travels 180 miles in 3 hours. How many miles does it travel in 5 hours at "
                "the same speed?"},
    {TASK_MATH, "Simplify $\\frac{6x^2}{3x}$ and give the final answer in \\boxed{}."},
    {TASK_MATH, "What is the probability of rolling a sum of 7 with two dice?"},

    {TASK_CHAT, "Hello!"},
    {TASK_CHAT, "hey, how are you today?"},
    {TASK_CHAT, "Thanks a lot, that helped."},
    {TASK_CHAT, "good morning"},
    {TASK_CHAT, "What's up?"},
    {TASK_CHAT, "lol ok"},
    {TASK_CHAT, "Are you a human or a bot?"},
    {TASK_CHAT, "I feel a bit lonely tonight"},
    {TASK_CHAT, "bye, see you tomorrow"},
    {TASK_CHAT, "Tell me a joke"},
    {TASK_CHAT, "nice to meet you"},
    {TASK_CHAT, "ok cool, thank you so much"},
    {TASK_CHAT, "Can we just talk for a while?"},

    {TASK_OTHER, "water, horse, piano, kite"},
    {TASK_OTHER, "42"},
    {TASK_OTHER, "blue suede"},
    {TASK_OTHER, "The outer layer of the suit is reflective."},
    {TASK_OTHER, "asdf qwer zxcv"},
    {TASK_OTHER, "..."},
    {TASK_OTHER, "Monday, 14:00, room 3"},
    {TASK_OTHER, "A wetland habitat near the coast"},
    {TASK_OTHER, "Chapter 4. The garden"},
    {TASK_OTHER, "lorem ipsum dolor sit amet"},
    {TASK_OTHER, "table for six, window side"},
    {TASK_OTHER, "kitchen sink 80x60 stainless"},
};

#endif
