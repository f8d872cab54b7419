package export

import (
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"debut/trainers/model"
)

// modelConfig is the part of Triton's message ModelConfig that a configuration here has, with the names, numbers and types of
// model_config.proto; whatever else there is would be an unknown field.
func modelConfig(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	type field struct {
		name   string
		number int32
		typ    descriptorpb.FieldDescriptorProto_Type
		of     string
		many   bool
	}
	const text, message, enum, int32s, int64s, uint32s, uint64s = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_ENUM,
		descriptorpb.FieldDescriptorProto_TYPE_INT32, descriptorpb.FieldDescriptorProto_TYPE_INT64, descriptorpb.FieldDescriptorProto_TYPE_UINT32, descriptorpb.FieldDescriptorProto_TYPE_UINT64
	build := func(name string, fields ...field) *descriptorpb.DescriptorProto {
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		for _, f := range fields {
			d := &descriptorpb.FieldDescriptorProto{Name: proto.String(f.name), Number: proto.Int32(f.number), Type: f.typ.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
			if f.of != "" {
				d.TypeName = proto.String(".inference." + f.of)
			}
			if f.many {
				d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			m.Field = append(m.Field, d)
		}
		return m
	}
	values := func(name string, numbers map[string]int32) *descriptorpb.EnumDescriptorProto {
		e := &descriptorpb.EnumDescriptorProto{Name: proto.String(name)}
		for n := range int32(14) { // the first has to be 0
			for value, number := range numbers {
				if number == n {
					e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: proto.String(value), Number: proto.Int32(n)})
				}
			}
		}
		return e
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("model_config.proto"), Package: proto.String("inference"), Syntax: proto.String("proto3"),
		EnumType: []*descriptorpb.EnumDescriptorProto{
			values("DataType", map[string]int32{"TYPE_INVALID": 0, "TYPE_BOOL": 1, "TYPE_INT32": 8, "TYPE_INT64": 9, "TYPE_FP32": 11, "TYPE_FP64": 12, "TYPE_STRING": 13}),
			values("Kind", map[string]int32{"KIND_AUTO": 0, "KIND_GPU": 1, "KIND_CPU": 2, "KIND_MODEL": 3}),
		},
		MessageType: []*descriptorpb.DescriptorProto{
			build("ModelConfig", field{"name", 1, text, "", false}, field{"version_policy", 3, message, "ModelVersionPolicy", false}, field{"max_batch_size", 4, int32s, "", false},
				field{"input", 5, message, "ModelInput", true}, field{"output", 6, message, "ModelOutput", true}, field{"instance_group", 7, message, "ModelInstanceGroup", true},
				field{"default_model_filename", 8, text, "", false}, field{"dynamic_batching", 11, message, "ModelDynamicBatching", false}, field{"backend", 17, text, "", false}),
			build("ModelInput", field{"name", 1, text, "", false}, field{"data_type", 2, enum, "DataType", false}, field{"dims", 4, int64s, "", true}),
			build("ModelOutput", field{"name", 1, text, "", false}, field{"data_type", 2, enum, "DataType", false}, field{"dims", 3, int64s, "", true}),
			build("ModelVersionPolicy", field{"latest", 1, message, "Latest", false}),
			build("Latest", field{"num_versions", 1, uint32s, "", false}),
			build("ModelInstanceGroup", field{"name", 1, text, "", false}, field{"count", 2, int32s, "", false}, field{"kind", 4, enum, "Kind", false}),
			build("ModelDynamicBatching", field{"max_queue_delay_microseconds", 2, uint64s, "", false}),
		},
	}
	d, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Messages().ByName("ModelConfig")
}

// A configuration is what Triton's message says, whatever columns are called.
func TestTritonConfig(t *testing.T) {
	odd := "a \"quoted\" \\ né\n\x01\tname"
	s := model.Signature{
		Inputs:  []model.Port{{Name: odd, Type: "string", Width: 1}, {Name: "picture", Type: "float32", Width: 64}, {Name: "id", Type: "int64", Width: 1}},
		Outputs: []model.Port{{Name: "probability", Type: "float64", Width: 1}, {Name: "known", Type: "bool", Width: 1}},
	}
	text, err := tritonConfig("shop", s)
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(modelConfig(t))
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	get := func(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
		return m.Get(m.Descriptor().Fields().ByName(name))
	}
	inputs := get(m, "input").List()
	if inputs.Len() != 3 || get(m, "output").List().Len() != 2 || get(m, "max_batch_size").Int() != maxBatch || get(m, "name").String() != "shop" {
		t.Errorf("%s", text)
	}
	if got := get(inputs.Get(0).Message(), "name").String(); got != odd {
		t.Errorf("%q, not %q", got, odd)
	}
	if dims := get(inputs.Get(1).Message(), "dims").List(); dims.Len() != 1 || dims.Get(0).Int() != 64 {
		t.Errorf("%v", dims)
	}
	if _, err := tritonConfig("shop", model.Signature{Inputs: []model.Port{{Name: "x", Type: "complex"}}}); err == nil || !strings.Contains(err.Error(), "complex") {
		t.Errorf("%v", err)
	}
	for name, want := range map[string]string{"first": "first", "../né x": "n__x", "...": "model"} {
		if got := tritonName(name); got != want {
			t.Errorf("%q is %q, not %q", name, got, want)
		}
	}
}

// Whatever a column is called, the configuration says it.
func FuzzTritonConfig(f *testing.F) {
	for _, name := range []string{"price", "", "a \"b\"", "\\", "\x00\x7f", "né\u2028", "}\ninput {"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			return // tables have none
		}
		text, err := tritonConfig("shop", model.Signature{Inputs: []model.Port{{Name: name, Type: "int64", Width: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		m := dynamicpb.NewMessage(modelConfig(t))
		if err := prototext.Unmarshal([]byte(text), m); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		inputs := m.Get(m.Descriptor().Fields().ByName("input")).List()
		if got := inputs.Get(0).Message(); inputs.Len() != 1 || got.Get(got.Descriptor().Fields().ByName("name")).String() != name {
			t.Errorf("%s", text)
		}
	})
}
