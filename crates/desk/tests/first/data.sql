-- Records as the first schema held them. Both databases take these statements as they stand.

INSERT INTO conversations (number, id, title, customer, customer_folded, verdict, pinned, follows, created_at, updated_at, rounds, picture, interrupted, deleted_at) VALUES
    (1, '019ab000-0000-7000-8000-000000000001', '错误码是什么？', '李女士', '李女士', 'solved', 1, NULL, 1795262400000, 1795262460000, 1, '258157ad97facb8998716c75c31e35d553daf3fae5036dc845c352a057c26492', 0, NULL),
    (2, '019ab000-0000-7000-8000-000000000002', 'Is the WAN light on?', NULL, NULL, NULL, 0, '019ab000-0000-7000-8000-000000000001', 1795262500000, 1795262500000, 1, NULL, 0, NULL),
    (3, '019ab000-0000-7000-8000-000000000003', 'In the bin', NULL, NULL, NULL, 0, NULL, 1795262600000, 1795262600000, 0, NULL, 0, 1795262700000);
INSERT INTO question_groups (number, id, round) VALUES
    (1, '019ab000-0000-7000-8000-0000000000a1', 1),
    (2, '019ab000-0000-7000-8000-0000000000a2', 3);
INSERT INTO rounds (number, id, conversation, position, asked_at, question, role, settings, remembered_rounds, asker, replaced_by, counts, question_group, answered, ttft_us, doubtful, thumbs_up, thumbs_down) VALUES
    (1, '019ab000-0000-7000-8000-000000000011', 1, 1, 1795262400000, '错误码？', '你是售后客服。', '{"temperature":0.25,"top_p":null,"top_k":null,"presence_penalty":null,"repetition_penalty":null,"seed":null,"max_tokens":256,"stop":null}', 5, 'anna', '019ab000-0000-7000-8000-000000000012', 0, 1, 0, NULL, 0, 0, 0),
    (2, '019ab000-0000-7000-8000-000000000012', 1, 2, 1795262410000, '错误码是什么？', '你是售后客服。', '{"temperature":0.25,"top_p":null,"top_k":null,"presence_penalty":null,"repetition_penalty":null,"seed":null,"max_tokens":256,"stop":null}', 5, 'anna', NULL, 1, 1, 1, 250500, 1, 1, 0),
    (3, '019ab000-0000-7000-8000-000000000013', 2, 1, 1795262500000, 'Is the WAN light on?', '', '{"temperature":null,"top_p":null,"top_k":null,"presence_penalty":null,"repetition_penalty":null,"seed":null,"max_tokens":null,"stop":null}', 0, NULL, NULL, 1, 2, 0, NULL, 0, 0, 0);
INSERT INTO answers (number, id, round, created_at, state, text, tokens, marks, finish_reason, usage, timings, problem, thumb, correction, evidence, readings, settings) VALUES
    (1, '019ab000-0000-7000-8000-000000000021', 2, 1795262410000, 'done', '是 E-102。', '1,-1 1,0 5,-900 1,-2 ', '[{"start":2,"end":7,"certainty":"doubtful","probability":0.4}]', 'stop', '{"prompt_tokens":321,"image_tokens":300,"cached_tokens":0,"completion_tokens":4}', '{"image_ms":1.0,"vision_ms":2.0,"prefill_ms":3.0,"ttft_ms":250.5,"decode_ms":5.0,"decode_tokens_per_s":0.3333333333333333}', NULL, 'up', '是 E-103。', '[{"id":"019ab000-0000-7000-8000-000000000031","picture":"258157ad97facb8998716c75c31e35d553daf3fae5036dc845c352a057c26492","label":"E-102","box":[10,20,300,400]}]', '[{"id":"019ab000-0000-7000-8000-000000000041","picture":"258157ad97facb8998716c75c31e35d553daf3fae5036dc845c352a057c26492","box":[10,20,300,400],"was":"E-102","text":"E-103","agrees":false,"probability":0.99}]', NULL),
    (2, '019ab000-0000-7000-8000-000000000022', 3, 1795262500000, 'running', 'The WAN', '3,-10 4,-20 ', '[]', NULL, NULL, NULL, NULL, NULL, NULL, '[]', '[]', '{"temperature":0.7,"top_p":null,"top_k":null,"presence_penalty":null,"repetition_penalty":null,"seed":7,"max_tokens":null,"stop":null}');
INSERT INTO pictures (id, media_type, width, height, tokens, bytes) VALUES
    ('258157ad97facb8998716c75c31e35d553daf3fae5036dc845c352a057c26492', 'image/png', 640, 480, 300, 15);
INSERT INTO round_pictures (round, position, picture) VALUES
    (2, 0, '258157ad97facb8998716c75c31e35d553daf3fae5036dc845c352a057c26492');
INSERT INTO roles (id, name, text, standard, position) VALUES
    ('0199f3c2-5f7e-7c1a-8a44-0d2f6c1b9e01', '售后客服', '我们自己的话。', 1, 1),
    ('019ab000-0000-7000-8000-000000000051', 'Router', 'Only routers.', 0, 0);
INSERT INTO audit (number, at, action, subject, detail, asker) VALUES
    (1, 1795262800000, 'export', '', 'csv', 'anna');
