#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Money budgets from the configuration file to everybody who looks: /metrics, the API and its schema, slipring slo, explain, check, show and
report; another amount, and none, in the next agent's file. Takes 5 s."""
import json
import os
from decimal import Decimal

import jsonschema

from _scene import ROOT
from _tests import check, contains, equal, main, test, until

with open(os.path.join(ROOT, "docs", "api-v1.schema.json")) as _schema:
    SCHEMA = json.load(_schema)

RULES = """objectives:
  - primitive: "ask*"
    type: llm
    availability: {target: 99%}
    spend:
      - {name: monthly, amount: AMOUNT, period: month}
      - {name: daily, amount: 2.5, period: 1d}
"""


def configured(scene, text):
    path = os.path.join(scene.work, "slipring.yaml")
    with open(path, "w") as config:
        config.write(text)
    return scene.agent("--config", path)


def spend(scene, dollars, *more):
    finished = scene.run(["slipring", "record", "ask_one", "--type", "llm", "--duration", "10ms", "--cost", dollars, *more])
    equal(finished.returncode, 0, finished.stderr)


def answer(scene, *words, status=0):
    finished = scene.run(["slipring", *words])
    equal(finished.returncode, status, f"{words}: {finished.stdout}{finished.stderr}")
    return finished.stdout


@test
def a_budget_of_the_file_is_shown_by_everybody_to_the_nano_dollar(scene):
    agent = configured(scene, RULES.replace("AMOUNT", "10"))
    spend(scene, "0.75", "--category", "tokens")
    spend(scene, "0.000000001")
    spent = Decimal("0.750000001")
    labels = {"primitive_name": "ask_one", "primitive_type": "llm"}
    monthly = {**labels, "objective": "monthly"}
    until(lambda: agent.metrics().get("primitive_cost_budget_spent_dollars", **monthly, window="period") == spent, "what was spent")
    page = agent.metrics()
    equal(page.get("primitive_cost_budget_dollars", **monthly), 10, "the budget")
    equal(page.get("primitive_cost_budget_spent_dollars", **monthly, window="1h"), spent, "within the hour")
    equal(page.get("primitive_cost_budget_balance_ratio", **monthly), Decimal("0.9249999999"), "what is left")
    equal(page.get("primitive_cost_budget_period_seconds", **monthly), None, "the length of a month")
    equal(page.get("primitive_cost_budget_alert", **monthly, long="1h", short="5m"), 1, "7.5 % in an hour are more than 2 %")
    equal(page.get("primitive_cost_budget_alert", **monthly, long="1d", short="2h"), 0, "and less than 10 % in a day")
    equal(page.get("primitive_cost_budget_dollars", **labels, objective="daily"), Decimal("2.5"), "the other budget")
    equal(page.all("primitive_slo_objective_events", **monthly), {}, "events of money")
    equal(page.get("primitive_slo_compliance", **labels), 1, "compliance knows no money")
    equal(page.get("primitive_cost_per_request_dollars", **labels, window="1m"), Decimal("0.3750000005"), "an execution")

    status, _, body = agent.get("/api/v1/primitives/ask_one")
    document = json.loads(body, parse_float=Decimal)
    equal(status, 200, "status")
    jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/primitive"}]}).validate(json.loads(body))
    budget = next(one for one in document["slo"]["objectives"] if one["name"] == "monthly")
    equal((budget["kind"], budget["source"], budget["amount"], budget["spent"]), ("spend", "file", 10, spent), "in the API")

    contains(answer(scene, "slo"), ["at most $10.00", "$0.750000001", "FIRING 1h/5m"], "slipring slo")
    contains(answer(scene, "slo", "explain", "ask_one", "monthly"),
             ["1 - 0.750000001 / 10", "0.02 * 10 * 3600 / 3600", "FIRING: 1h spent 0.750000001 > 0.2"], "slo explain")
    contains(answer(scene, "slo", "check", "ask_one", "monthly", "--min-budget", "50%"), ["$0.750000001 of $10.00"], "slo check")
    answer(scene, "slo", "check", "ask_one", "monthly", "--min-budget", "95%", status=1)
    contains(answer(scene, "show", "ask_one"), ["at most $2.50", "tokens $0.75"], "show")
    contains(answer(scene, "report", "--since", "1d"), ["Money budgets", "Money by category", "$0.750000001"], "report")
    # 0.75 / 3600 / (2.5 / 86400), which is no whole number
    contains(agent.log(), ['event="money budget burns" primitive=ask_one type=llm objective=daily long_window_seconds=3600 burn_rate=7.2\n'], "the log")


@test
def the_next_file_has_another_amount_or_none_and_what_was_spent_stays(scene):
    agent = configured(scene, RULES.replace("AMOUNT", "10"))
    spend(scene, "5")
    labels = {"primitive_name": "ask_one", "objective": "monthly"}
    until(lambda: agent.metrics().get("primitive_cost_budget_balance_ratio", **labels) == Decimal("0.5"), "half of it")
    agent.kill()
    agent = configured(scene, RULES.replace("AMOUNT", "4"))
    until(lambda: agent.metrics().get("primitive_cost_budget_balance_ratio", **labels) == Decimal("-0.25"), "a smaller budget")
    equal(agent.metrics().get("primitive_cost_budget_remaining_ratio", **labels), 0, "cut off at 0")
    agent.stop()
    agent = configured(scene, "objectives: []\n")
    until(lambda: agent.metrics().get("primitive_cost_total", primitive_name="ask_one") == 5, "what was spent")
    check("primitive_cost_budget" not in agent.metrics().text, "a budget that nobody set:", agent.metrics().text)


if __name__ == "__main__":
    main()
