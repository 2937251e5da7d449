"""Print a SAM template as the plain CloudFormation that it becomes; no AWS account is asked.

Called by .ci/template-translate and .ci/sam-test inside the SAM CLI's environment.

    template_translate.py TEMPLATE          {"source_sha256", "translator", "template"}
    template_translate.py TEMPLATE --bare   the template alone, for a linter
"""

import hashlib
import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator import __version__ as translator
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The translator asks for the account's managed policies; this template names none."""

    def load(self):
        return {}


def with_uploaded_code(template):
    """The translator knows only code in S3, as `sam package` leaves it; the rest of CodeUri is checked by the test."""
    functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    for function in functions:
        function["Properties"]["CodeUri"] = "s3://bucket/key"
    template["Globals"]["Function"].pop("CodeUri", None)
    return template


def translated(path):
    with open(path, encoding="utf-8") as file:
        source = file.read()
    # Through JSON: the parser's ordered types are not what the translator compares with.
    template = with_uploaded_code(json.loads(json.dumps(yaml_parse(source))))
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p}
    return {
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "translator": translator,
        "template": transform(template, defaults, NoManagedPolicies()),
    }


def main():
    result = translated(sys.argv[1])
    if "--bare" in sys.argv[2:]:
        result = result["template"]
    json.dump(result, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


main()
