export * from 'millrace/grpc';
