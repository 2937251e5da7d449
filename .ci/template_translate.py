"""Print a SAM template as the plain CloudFormation that it becomes; no AWS account is asked.

Called by .ci/template-translate and .ci/sam-test inside the SAM CLI's environment.

    template_translate.py TEMPLATE          {"source_sha256", "translator", "code", "template"}
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


def take_code(template):
    """Put code in S3 in the place of each function's own, as `sam package` does; return where that was."""
    common = template["Globals"]["Function"].pop("CodeUri", None)
    code = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            code[name] = resource["Properties"].get("CodeUri", common)
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return code


def translated(path):
    with open(path, encoding="utf-8") as file:
        source = file.read()
    # Through JSON: the parser's ordered types are not what the translator compares with.
    template = json.loads(json.dumps(yaml_parse(source)))
    code = take_code(template)
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p}
    return {
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "translator": translator,
        "code": code,
        "template": transform(template, defaults, NoManagedPolicies()),
    }


def main():
    result = translated(sys.argv[1])
    if "--bare" in sys.argv[2:]:
        result = result["template"]
    json.dump(result, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


main()
