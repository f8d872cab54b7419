package serve

import (
	"debut/trainers/model"
)

type object = map[string]any

// openAPI describes what can be asked, in OpenAPI 3.1.
func (s *Server) openAPI() any {
	paths := object{
		"/v2/health/live":  object{"get": operation("Whether the server lives.", nil)},
		"/v2/health/ready": object{"get": operation("Whether it should be sent requests.", nil)},
		"/v2":              object{"get": operation("The server's metadata.", nil)},
		"/models":          object{"get": operation("The models, and what each can be asked for.", nil)},
		"/metrics":         object{"get": operation("Measures, as Prometheus reads them.", nil)},
	}
	for _, e := range s.entries {
		l := e.acquire()
		s.describe(paths, e.name, l)
		l.release()
	}
	info := object{"title": "debut", "version": s.opt.Version, "description": "Answers of trained models."}
	out := object{"openapi": "3.1.0", "info": info, "paths": paths}
	if s.tokens != nil {
		out["components"] = object{"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}}}
		out["security"] = []object{{"token": []string{}}}
	}
	return out
}

// describe adds what a model can be asked for.
func (s *Server) describe(paths object, name string, l *loaded) {
	at := "/models/" + name + "/"
	paths["/v2/models/"+name] = object{"get": operation("The model's inputs and outputs.", nil)}
	if l.can(answerPredict) {
		paths[at+answerPredict] = object{"post": operation("Answers for rows.", s.rowsSchema(l))}
		paths["/v2/models/"+name+"/infer"] = object{"post": operation("Answers for tensors: the Open Inference Protocol, version 2, with binary tensors.", object{
			"type": "object", "required": []string{"inputs"}, "properties": object{
				"id": object{"type": "string"}, "inputs": object{"type": "array", "items": object{"type": "object"}}, "outputs": object{"type": "array", "items": object{"type": "object"}},
				"parameters": object{"type": "object"},
			},
		})}
	}
	texts, count := object{"type": "array", "items": object{"type": "string"}}, object{"type": "integer", "minimum": 1, "maximum": s.opt.Limits.Items}
	event := object{"type": "object", "required": []string{"item"}, "properties": object{
		"user": object{"type": "string"}, "item": object{"type": "string"}, "event": object{"type": "string", "description": "its kind"}, "value": object{"type": "number"}, "time": object{"type": "integer"},
	}}
	if l.can(answerRecommend) {
		paths[at+answerRecommend] = object{"post": operation("The best items for users.", object{"type": "object", "properties": object{
			"users": texts, "k": count, "keep_seen": object{"type": "boolean"}, "seen_by": texts, "diversity": object{"type": "number", "minimum": 0, "maximum": 1},
			"histories": object{"type": "object", "additionalProperties": object{"type": "array", "items": event}, "description": "what users have, in the place of what the model knows; an empty list is nothing"},
			"items":     object{"type": "object", "additionalProperties": object{"type": "number"}, "description": "items that may be listed, and what their scores are multiplied by"},
			"groups":    object{"type": "object", "additionalProperties": object{"type": "string"}}, "at_most": object{"type": "integer"},
			"explore": object{"type": "integer"}, "explore_below": object{"type": "integer"}, "because": object{"type": "boolean"},
		}})}
	}
	if l.can(answerSimilar) {
		paths[at+answerSimilar] = object{"post": operation("The items most like others.", object{"type": "object", "required": []string{"items"}, "properties": object{"items": texts, "k": count}})}
	}
	if l.can(answerAudience) {
		paths[at+answerAudience] = object{"post": operation("The users to whom an item is to be shown first.", object{"type": "object", "required": []string{"item"}, "properties": object{
			"item": object{"type": "string"}, "k": object{"type": "integer", "minimum": 1, "maximum": s.opt.Limits.Rows}, "keep_seen": object{"type": "boolean", "description": "users too who have it already"},
		}})}
	}
	if l.can(answerForecast) {
		row := object{"type": "array", "items": object{"type": "object"}}
		paths[at+answerForecast] = object{"post": operation("What series come to, with quantiles.", object{"type": "object", "properties": object{
			"series":     object{"type": "array", "items": object{"type": "object"}, "description": "those that are wanted, by their keys; all where it is left out"},
			"horizon":    object{"type": "integer", "minimum": 1},
			"covariates": row, "update": row,
		}})}
	}
	if l.can(answerEvents) {
		paths[at+answerEvents] = object{"post": operation("Takes what users do, to be folded in. Events are held in memory, and lost with the process.", object{
			"type": "object", "required": []string{"events"}, "properties": object{"events": object{"type": "array", "items": event}},
		})}
	}
}

// rowsSchema is the schema of rows of a model.
func (s *Server) rowsSchema(l *loaded) object {
	properties, required := object{}, []string{}
	for _, c := range l.columns {
		properties[c.Name] = columnSchema(c)
		required = append(required, c.Name)
	}
	for _, id := range l.ids {
		if _, ok := properties[id]; !ok {
			properties[id] = object{"type": []string{"string", "number", "null"}, "description": "carried through"}
		}
	}
	rows := object{"type": "array", "minItems": 1, "maxItems": s.opt.Limits.Rows, "items": object{"type": "object", "properties": properties, "required": required}}
	return object{"type": "object", "required": []string{"rows"}, "properties": object{
		"rows": rows, "allow_missing": object{"type": "boolean", "description": "columns that are not given are missing values"},
		"ignore_unknown": object{"type": "boolean", "description": "names that are no columns of the model are passed over"},
	}}
}

func columnSchema(c model.Column) object {
	switch c.Type {
	case "numeric":
		return object{"type": []string{"number", "null"}}
	case "boolean":
		return object{"type": []string{"boolean", "null"}}
	case "vector":
		return object{"type": []string{"array", "null"}, "items": object{"type": "number"}, "minItems": c.Width, "maxItems": c.Width}
	case "list":
		return object{"type": []string{"array", "string", "null"}, "items": object{"type": []string{"string", "number"}}}
	case "date":
		return object{"type": []string{"string", "null"}, "description": "a date or a time, written as in the training data"}
	}
	out := object{"type": []string{"string", "number", "boolean", "null"}}
	if len(c.Values) > 0 {
		out["examples"] = c.Values[:min(3, len(c.Values))]
	}
	return out
}

// operation is a way to ask.
func operation(summary string, request object) object {
	answer := func(text string) object {
		return object{"description": text, "content": object{"application/json": object{"schema": object{"type": "object"}}}}
	}
	out := object{"summary": summary, "responses": object{
		"200": answer("the answer"), "default": answer("an error: what is wrong, and the field and row where it is"),
	}}
	if request != nil {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": request}}}
	}
	return out
}
