"""The pocket model: drawn policies and cases, tokenizer, model, training and its evaluation."""
