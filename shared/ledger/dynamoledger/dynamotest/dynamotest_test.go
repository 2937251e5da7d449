package dynamotest_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
)

// The table of the tests is the table that the stack creates.
func TestSchemaIsTheTemplates(t *testing.T) {
	var template any
	if err := json.Unmarshal([]byte(docstest.Read(t, ".ci/template.json")), &template); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(find(template))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		BillingMode            types.BillingMode
		AttributeDefinitions   []types.AttributeDefinition
		KeySchema              []types.KeySchemaElement
		GlobalSecondaryIndexes []types.GlobalSecondaryIndex
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.KeySchema) != 2 {
		t.Fatalf("no table with two keys in the template: %s", raw)
	}
	got := dynamotest.Schema("ledger")
	for _, part := range []struct{ got, want any }{
		{got.BillingMode, want.BillingMode},
		{got.AttributeDefinitions, want.AttributeDefinitions},
		{got.KeySchema, want.KeySchema},
		{got.GlobalSecondaryIndexes, want.GlobalSecondaryIndexes},
	} {
		if !reflect.DeepEqual(part.got, part.want) {
			t.Errorf("the tests' table has %+v, the template's %+v", part.got, part.want)
		}
	}
}

// find gives the properties of the first DynamoDB table anywhere in a template.
func find(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["Type"] == "AWS::DynamoDB::Table" {
			return v["Properties"]
		}
		for _, e := range v {
			if p := find(e); p != nil {
				return p
			}
		}
	case []any:
		for _, e := range v {
			if p := find(e); p != nil {
				return p
			}
		}
	}
	return nil
}
